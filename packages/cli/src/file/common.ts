// What the verbs for files share.

import { Files } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { argument, text } from '../core/options.ts'

export const idArgument = argument('id', 'Machine id')
export const pathArgument = argument('path', 'Path in the machine; a relative one begins at its working directory')
export const userOption = text('--user <user>', 'Name or number of the user whose rights and home are used (default: root)')

type Asked = Context<{ readonly id: string; readonly user: string | undefined }>

/** The files of the machine, and the options of each call. */
export function filesOf({ client, args: { id, user }, io }: Pick<Asked, 'client' | 'args' | 'io'>) {
  return { files: new Files(client, id), options: { user, signal: io.signal } }
}
