// Package access has a relay's rules, without I/O: what a target may look like and which addresses may be dialed
// ([Targets]), who may come as an agent or a client and for what ([Rules], [Grant]), and who may use a service ([Clients]).
// Everything is denied that is not allowed.
package access
