package target

import (
	"context"

	"postern/evidence"
	"postern/target/accounts"
)

// Accounts implements evidence.Accounts.
func (hostState) Accounts(ctx context.Context) ([]evidence.Account, error) {
	return accounts.List(ctx)
}
