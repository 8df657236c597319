// Package lint holds the rules that this repository keeps about itself: which way imports point, what carries a doc
// comment, how long a function may be, what a document may claim. Each rule is a function from files to findings;
// project_test.go applies them to the tree, and every rule has a test that gives it something to find.
//
// gofumpt, go vet and staticcheck are run by "make lint" and not repeated here.
package lint
