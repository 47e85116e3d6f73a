// Package postern examines what an operator named and answers four questions
// about it: exposed? compromised? reachable? unprepared?
//
// Examiner.Examine is the whole pipeline. Everything it knows of a product
// comes from packs; everything it could not see is in the report.
package postern
