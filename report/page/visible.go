package page

import (
	"reflect"

	"postern/report"
)

// visible is a copy of a report in which every string is escaped, so that no
// rendering can forget one.
func visible(r *report.Report) *report.Report {
	c := *r // keeps what the copy below does not see
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			v.Field(i).Set(escaped(v.Field(i)))
		}
	}
	return &c
}

// escaped copies a value of a report, whose types are plain data.
func escaped(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(report.Escape(v.String()))
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(escaped(v.Index(i)))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(escaped(v.Elem()))
	case reflect.Struct:
		out.Set(v) // times have fields of their own
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(escaped(v.Field(i)))
			}
		}
	default:
		return v
	}
	return out
}
