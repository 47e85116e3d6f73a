package module

import (
	"math"
	"strconv"
)

// spread counts how often each byte occurs in a range or string.
type spread struct {
	counts [256]uint64
	total  uint64
}

func (s *spread) add(b []byte) {
	for _, c := range b {
		s.counts[c]++
	}
	s.total += uint64(len(b))
}

func (s *spread) mean() float64 {
	sum := 0.0
	for c, n := range s.counts {
		sum += float64(c) * float64(n)
	}
	return sum / float64(s.total)
}

func (s *spread) entropy() float64 {
	e := 0.0
	for _, n := range s.counts {
		if n > 0 {
			p := float64(n) / float64(s.total)
			e -= p * math.Log2(p)
		}
	}
	return e
}

func (s *spread) deviation(mean float64) float64 {
	sum := 0.0
	for c, n := range s.counts {
		sum += math.Abs(float64(c)-mean) * float64(n)
	}
	return sum / float64(s.total)
}

func (s *spread) mode() (best int) {
	for c, n := range s.counts {
		if n > s.counts[best] {
			best = c
		}
	}
	return best
}

// over makes the form of a function that looks at (offset, size) and the one
// that looks at a string, with further arguments behind.
func over(rest string, result Kind, fn func(s *spread, args []Value) Value) []Overload {
	inRange := func(in *Input, args []Value) Value {
		key := "spread" + strconv.FormatInt(args[0].Int(), 10) + "," + strconv.FormatInt(args[1].Int(), 10)
		v := in.Once(key, func() Value {
			s := &spread{}
			if !in.each(args[0].Int(), args[1].Int(), s.add) {
				return Value{}
			}
			return Value{Kind: Struct, obj: s}
		})
		s, ok := v.obj.(*spread)
		if !ok {
			return Value{}
		}
		return fn(s, args[2:])
	}
	inString := func(_ *Input, args []Value) Value {
		s := &spread{}
		s.add([]byte(args[0].Str))
		return fn(s, args[1:])
	}
	return []Overload{{Args: "ii" + rest, Result: result, Call: inRange}, {Args: "s" + rest, Result: result, Call: inString}}
}

// bytesIn makes the forms of count, percentage and mode: the whole content, or
// a range of it, with the byte first.
func bytesIn(lead string, result Kind, fn func(s *spread, c int64) Value) []Overload {
	return []Overload{{Args: lead + "ii", Result: result, Call: func(in *Input, args []Value) Value {
		return ranged(in, args, len(lead), fn)
	}}, {Args: lead, Result: result, Call: func(in *Input, args []Value) Value {
		return ranged(in, append(args[:len(args):len(args)], Number(0), Number(in.Size())), len(lead), fn)
	}}}
}

func ranged(in *Input, args []Value, lead int, fn func(s *spread, c int64) Value) Value {
	c := int64(0)
	if lead > 0 {
		if c = args[0].Int(); c < 0 || c > 255 {
			return Value{}
		}
	}
	s := &spread{}
	if !in.each(args[lead].Int(), args[lead+1].Int(), s.add) {
		return Value{}
	}
	return fn(s, c)
}

func mathType() *Type {
	return Record(map[string]*Type{
		"MEAN_BYTES": Constant(127.5),
		"entropy":    Function(over("", Float, func(s *spread, _ []Value) Value { return Of(s.entropy()) })...),
		"mean":       Function(over("", Float, func(s *spread, _ []Value) Value { return Of(s.mean()) })...),
		"deviation": Function(over("f", Float, func(s *spread, a []Value) Value {
			return Of(s.deviation(a[0].Float()))
		})...),
		"serial_correlation": sequence(serialCorrelation),
		"monte_carlo_pi":     sequence(monteCarloPi),
		"count":              Function(bytesIn("i", Int, func(s *spread, c int64) Value { return Of(s.counts[c]) })...),
		"percentage": Function(bytesIn("i", Float, func(s *spread, c int64) Value {
			return Of(float64(s.counts[c]) / float64(s.total))
		})...),
		"mode": Function(bytesIn("", Int, func(s *spread, _ int64) Value { return Of(s.mode()) })...),
		"in_range": Function(Overload{Args: "fff", Result: Bool, Call: func(_ *Input, a []Value) Value {
			return Truth(a[0].Float() >= a[1].Float() && a[0].Float() <= a[2].Float())
		}}),
		"min": unsigned(func(a, b uint64) uint64 { return min(a, b) }),
		"max": unsigned(func(a, b uint64) uint64 { return max(a, b) }),
		"abs": Function(Overload{Args: "i", Result: Int, Call: func(_ *Input, a []Value) Value {
			return Number(max(a[0].Int(), -a[0].Int()))
		}}),
		"to_number": Function(Overload{Args: "b", Result: Int, Call: func(_ *Input, a []Value) Value { return Number(a[0].Int()) }}),
		"to_string": Function(
			Overload{Args: "i", Result: String, Call: func(_ *Input, a []Value) Value { return Of(strconv.FormatInt(a[0].Int(), 10)) }},
			Overload{Args: "ii", Result: String, Call: func(_ *Input, a []Value) Value {
				if b := a[1].Int(); b == 10 || b == 16 || b == 8 {
					return Of(strconv.FormatInt(a[0].Int(), int(b)))
				}
				return Value{}
			}}),
	})
}

func unsigned(fn func(a, b uint64) uint64) *Type {
	return Function(Overload{Args: "ii", Result: Int, Call: func(_ *Input, a []Value) Value { return Of(fn(uint64(a[0].Int()), uint64(a[1].Int()))) }})
}

// sequence makes the forms of a function over bytes in their order.
func sequence(open func() (add func([]byte), done func() Value)) *Type {
	return Function(Overload{Args: "ii", Result: Float, Call: func(in *Input, a []Value) Value {
		add, done := open()
		if !in.each(a[0].Int(), a[1].Int(), add) {
			return Value{}
		}
		return done()
	}}, Overload{Args: "s", Result: Float, Call: func(_ *Input, a []Value) Value {
		add, done := open()
		add([]byte(a[0].Str))
		return done()
	}})
}

// serialCorrelation is how much each byte depends on the one before.
func serialCorrelation() (add func([]byte), done func() Value) {
	var n, last, products, sum, squares float64
	add = func(b []byte) {
		for _, c := range b {
			x := float64(c)
			products += last * x
			sum, squares, last = sum+x, squares+x*x, x
			n++
		}
	}
	return add, func() Value {
		products += last * last // as in libyara; elsewhere the last byte meets the first
		d := n*squares - sum*sum
		if d == 0 {
			return Of(-100000.0)
		}
		return Of((n*products - sum*sum) / d)
	}
}

// monteCarloPi takes six bytes as a point of a square and tells how far from pi
// the share inside of the circle is.
func monteCarloPi() (add func([]byte), done func() Value) {
	const half = 3
	radius := math.Pow(math.Pow(256, half)-1, 2)
	var point [2 * half]float64
	var filled int
	var points, inside float64
	add = func(b []byte) {
		for _, c := range b {
			point[filled] = float64(c)
			if filled++; filled < len(point) {
				continue
			}
			filled = 0
			x, y := 0.0, 0.0
			for i := range half {
				x, y = x*256+point[i], y*256+point[half+i]
			}
			points++
			if x*x+y*y <= radius {
				inside++
			}
		}
	}
	return add, func() Value {
		if points == 0 {
			return Value{}
		}
		return Of(math.Abs((4*inside/points - math.Pi) / math.Pi))
	}
}
