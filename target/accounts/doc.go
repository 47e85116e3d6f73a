// Package accounts asks a running Windows for its local accounts and for who is in the
// groups that let in. It asks as any program may, reads no hash and changes nothing.
package accounts
