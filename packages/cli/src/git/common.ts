// What the verbs for git share: the repository, and who one is to its remote.

import { readFile } from 'node:fs/promises'
import { Git, type GitAuth } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { fileToRead, onDisk } from '../core/local-files.ts'
import { argument, flag, text, type ValuesOf } from '../core/options.ts'

export const idArgument = argument('id', 'Machine id')
export const repoArgument = argument('path', 'The repository in the machine; a relative path begins at its working directory')

/** Git in the machine, and the options of each call. */
export const gitOf = ({ client, args, io }: Context<{ readonly id: string }>) => ({
  git: new Git(client, args.id),
  options: { signal: io.signal },
})

const PASSWORD = 'NULLSPACE_GIT_PASSWORD'

export const authOptions = {
  username: text('--username <name>', `User of the remote, for https. The password or token comes from ${PASSWORD}, or is asked for`),
  passwordStdin: flag('--password-stdin', 'Read it, or the passphrase of the key, from standard input'),
  sshKey: text('--ssh-key <file>', 'Local file with the private key, for ssh'),
}

type Asked = Pick<Context<ValuesOf<typeof authOptions>>, 'args' | 'io'>

/** For this one call; the machine keeps nothing of it. No secret is taken from the command line, where others would see it. */
export async function authOf({ args: { username, passwordStdin, sshKey }, io }: Asked): Promise<GitAuth | undefined> {
  if (username !== undefined && sshKey !== undefined) throw usageError('--username and --ssh-key exclude each other')
  const given = passwordStdin ? (await io.readInput()).replace(/\r?\n$/, '') : undefined
  if (sshKey !== undefined) {
    const path = await fileToRead(io, sshKey)
    const privateKey = await onDisk(() => readFile(path, 'utf8'))
    return { kind: 'ssh', privateKey, passphrase: given }
  }
  if (username === undefined) {
    if (passwordStdin) throw usageError('--password-stdin needs --username or --ssh-key')
    return undefined
  }
  const password =
    given ?? io.env[PASSWORD] ?? (io.canAsk ? await io.ask(`Password or token of ${username}: `, { secret: true }) : undefined)
  if (!password) throw usageError('no password is given', `Use --password-stdin, or set ${PASSWORD}.`)
  return { kind: 'https', username, password }
}
