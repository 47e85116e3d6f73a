package csaf

// Problem is one mandatory test that a document fails.
type Problem struct {
	Test string // "6.1.11"
	Path string // where: a JSON pointer into the document
	What string
}

func Check(d *Document) []Problem { return nil }
