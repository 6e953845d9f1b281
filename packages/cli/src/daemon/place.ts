// Where the daemon of this host keeps its things, and which program it is. The daemon is started, never imported.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Io } from '../core/io.ts'
import { text } from '../core/options.ts'

export interface Place {
  readonly dataDir: string
  readonly log: string
  readonly record: string
  readonly operatorKey: string
}

export const dataDirOption = text(
  '--data-dir <path>',
  'Data directory (default: NULLSPACE_DATA_DIR, else /var/lib/nullspace for root, ~/.local/share/nullspace)',
)

export function placeOf({ env, cwd, home, uid }: Io, given: string | undefined): Place {
  const ownDir = uid === 0 ? '/var/lib/nullspace' : join(env['XDG_DATA_HOME'] || join(home, '.local/share'), 'nullspace')
  const dataDir = resolve(cwd, given ?? (env['NULLSPACE_DATA_DIR'] || ownDir))
  return { dataDir, log: join(dataDir, 'daemon.log'), record: join(dataDir, 'daemon.json'), operatorKey: join(dataDir, 'operator-api-key') }
}

/** `NULLSPACE_SERVER_ENTRY` names another build of the daemon. */
export function serverEntry(env: Io['env']): string {
  return env['NULLSPACE_SERVER_ENTRY'] ?? fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url))
}

/** The key that the daemon made at its first start; undefined when this user may not read it. */
export function readOperatorKey({ operatorKey }: Place): string | undefined {
  try {
    return readFileSync(operatorKey, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
