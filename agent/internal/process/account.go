package process

import (
	"nullspace.dev/agent/internal/account"
	"nullspace.dev/agent/internal/wire"
)

func findAccount(user string) (account.Account, *wire.Failure) {
	found, err := account.System.Find(user)
	if err != nil {
		return found, &wire.Failure{Reason: wire.BadUser, Message: err.Error()}
	}
	return found, nil
}
