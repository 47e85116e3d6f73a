package strict

import (
	"reflect"
	"strings"
)

// Schema describes the file that out, a pointer to a struct, is decoded from,
// as a JSON schema (draft 2020-12) for editors. It is made of the same tags
// that Decode obeys, and says less: forms and references it knows nothing of.
func Schema(title string, out any) map[string]any {
	s := schema(reflect.TypeOf(out).Elem(), "", map[reflect.Type]bool{})
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", title
	return s
}

var (
	textType    = reflect.TypeFor[Text]()
	dayType     = reflect.TypeFor[Day]()
	patternType = reflect.TypeFor[Pattern]()
	opaqueType  = reflect.TypeFor[Opaque]()
)

// schema describes one type; inside are the structs it stands in, for one that
// holds itself.
func schema(t reflect.Type, enum string, inside map[reflect.Type]bool) map[string]any {
	switch {
	case t == textType && enum != "":
		return map[string]any{"enum": strings.Split(enum, ",")}
	case t == textType:
		return map[string]any{"type": []string{"string", "number"}}
	case t == dayType:
		return map[string]any{"type": "string", "format": "date"}
	case t == patternType:
		return map[string]any{"type": "string", "format": "regex"}
	case t == opaqueType:
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schema(t.Elem(), enum, inside)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schema(t.Elem(), enum, inside)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schema(t.Elem(), enum, inside)}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	}
	if inside[t] {
		return map[string]any{"type": "object"}
	}
	inside[t] = true
	defer delete(inside, t)
	return fields(t, inside)
}

func fields(t reflect.Type, inside map[reflect.Type]bool) map[string]any {
	all, needed := map[string]any{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		all[name] = schema(f.Type, f.Tag.Get("enum"), inside)
		if f.Tag.Get("need") != "" {
			needed = append(needed, name)
		}
	}
	return map[string]any{"type": "object", "properties": all, "required": needed, "additionalProperties": false}
}
