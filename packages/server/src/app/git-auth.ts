// Credentials of one git call. They go to the guest as standard input of a script of ours, which keeps them in a ramfs that
// only it and its children see: a mount of their own mount namespace. The script empties it at its end; were it killed
// before that, the kernel lets go of it with the last of these processes. So they are in no argument list, in no environment,
// on no disk, and in no part of the file tree that other processes have.

import type { GitAuth } from '@nullspace/contract/git.ts'

/** Empty for everyone else. */
const PLACE = '/run/nullspace-git'

/** $1 kind, $2… the command. */
const SCRIPT = `set -eu
umask 077
place=${PLACE}
kind=$1
shift
mkdir -p "$place"
mount -t ramfs -o mode=0700 ramfs "$place"
trap 'rm -f "$place"/*' EXIT
trap 'exit 143' HUP INT TERM
if [ "$kind" = https ]; then
  cat > "$place/credential"
  printf '#!/bin/sh\\n[ "$1" != get ] || cat %s/credential\\n' "$place" > "$place/helper"
  chmod 700 "$place/helper"
else
  IFS= read -r passphrase
  printf '%s\\n' "$passphrase" > "$place/passphrase"
  cat > "$place/key"
  printf '#!/bin/sh\\ncat %s/passphrase\\n' "$place" > "$place/askpass"
  chmod 700 "$place/askpass"
fi
"$@" < /dev/null
`

/** Nothing of the guest's own ssh configuration, keys and agents; its known hosts count, and none is added to them. */
const SSH = [
  `ssh -F /dev/null -i ${PLACE}/key`,
  '-o IdentitiesOnly=yes -o IdentityAgent=none -o ControlMaster=no -o ControlPath=none',
  '-o PreferredAuthentications=publickey -o NumberOfPasswordPrompts=1 -o StrictHostKeyChecking=accept-new',
  `-o 'UserKnownHostsFile=${PLACE}/known_hosts /root/.ssh/known_hosts'`,
].join(' ')

/** What a call needs in order to use them. */
export interface Credentials {
  /** The command that runs git's. */
  readonly wrapper: readonly string[]
  readonly input: Uint8Array
  /** Before git's subcommand. */
  readonly options: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Never to be shown. */
  readonly secrets: readonly string[]
}

/** `origins`: where a user name and password are given out, and nowhere else. */
export function credentials(auth: GitAuth, origins: readonly string[]): Credentials {
  const wrapper = ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', SCRIPT, 'nullspace-git', auth.kind]
  if (auth.kind === 'https') {
    const { username, password } = auth
    return {
      wrapper,
      input: Buffer.from(`username=${username}\npassword=${password}\n`),
      // The first one ends the list of those that are configured: they would be asked too, and told to store it.
      options: ['credential.helper=', ...origins.map((origin) => `credential.${origin}.helper=${PLACE}/helper`)].flatMap((option) => [
        '-c',
        option,
      ]),
      env: { GIT_ASKPASS: '', SSH_ASKPASS: '', GIT_TRACE_REDACT: '1' },
      secrets: secretsOf(username ?? '', password ?? ''),
    }
  }
  const key = `${auth.private_key?.replaceAll('\r\n', '\n').trimEnd()}\n`
  return {
    wrapper,
    input: Buffer.from(`${auth.passphrase ?? ''}\n${key}`),
    options: [],
    env: {
      // BatchMode would not ask for the passphrase either.
      GIT_SSH_COMMAND: auth.passphrase ? SSH : `${SSH} -o BatchMode=yes`,
      GIT_SSH_VARIANT: 'ssh',
      SSH_ASKPASS: `${PLACE}/askpass`,
      SSH_ASKPASS_REQUIRE: 'force',
    },
    secrets: [...key.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----')), ...atLeast(4, auth.passphrase ?? '')],
  }
}

/** A name may be the secret: tokens are sent as one. Shorter words than these would be taken out of every sentence. */
function secretsOf(username: string, password: string): string[] {
  const plain = [...atLeast(4, password), ...atLeast(8, username)]
  return [
    ...plain,
    ...plain.map((word) => encodeURIComponent(word.toWellFormed())),
    Buffer.from(`${username}:${password}`).toString('base64'),
  ]
}

const atLeast = (length: number, word: string): string[] => (word.length >= length ? [word] : [])

/** Without secrets, those of the call and those in addresses. */
export function redacted(text: string, secrets: readonly string[] = []): string {
  let clean = text.replaceAll(/(:\/\/)[^/\s'"]*@/g, '$1***@')
  // The longest first: one may be a part of another.
  for (const secret of secrets.toSorted((a, b) => b.length - a.length)) clean = clean.replaceAll(secret, '***')
  return clean
}
