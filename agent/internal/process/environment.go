package process

import (
	"strings"
	"syscall"

	"nullspace.dev/agent/internal/account"
	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// environment lays the caller's variables over the defaults. The agent's own environment is no part of it.
func environment(user account.Account, overlay []string) []string {
	env := make([]string, 0, 4+len(overlay))
	env = append(env,
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME="+user.Home,
		"USER="+user.Name,
		"LANG=C.UTF-8",
	)
next:
	for _, entry := range overlay {
		equals := strings.IndexByte(entry, '=')
		if equals <= 0 || strings.IndexByte(entry, 0) >= 0 {
			continue
		}
		for i, old := range env {
			if len(old) > equals && old[:equals+1] == entry[:equals+1] {
				env[i] = entry
				continue next
			}
		}
		env = append(env, entry)
	}
	return env
}

// lookPath finds the program the way execvp does, in the PATH that the program itself will see.
func lookPath(name string, env []string) (string, *wire.Failure) {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return "", &wire.Failure{Reason: wire.ProgramNotFound, Message: "the program has no name"}
	}
	if strings.IndexByte(name, '/') >= 0 {
		return name, nil
	}
	path, found := "", ""
	for _, entry := range env {
		if strings.HasPrefix(entry, "PATH=") {
			path = entry[len("PATH="):]
		}
	}
	for path != "" {
		dir := path
		if colon := strings.IndexByte(path, ':'); colon >= 0 {
			dir, path = path[:colon], path[colon+1:]
		} else {
			path = ""
		}
		if dir == "" {
			dir = "."
		}
		candidate := dir + "/" + name
		var st syscall.Stat_t
		if sys.Stat(candidate, &st) != 0 || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
			continue
		}
		if st.Mode&0o111 != 0 {
			return candidate, nil
		}
		found = candidate
	}
	if found != "" {
		return "", &wire.Failure{Reason: wire.NotExecutable, Message: found + " is not executable"}
	}
	return "", &wire.Failure{Reason: wire.ProgramNotFound, Message: "no program " + name + " in PATH"}
}
