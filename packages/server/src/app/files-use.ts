// Working with files of a machine: as whom, from where on, for how long, and what a failure is called.

import { AppError } from '@nullspace/contract/errors.ts'
import { DEFAULTS, normalisePath, RESERVED } from '@nullspace/contract/machines.ts'
import { FileRefused, type GuestFiles } from '../host/guest/guest-files.ts'
import type { Principal } from '../domain/principal.ts'
import type { Machine } from '../domain/machine.ts'
import { Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { fileFailure } from './file-failures.ts'
import { getMachine } from './machines.ts'
import { useMachine, workFailure } from './use.ts'

/** For what does not move contents. */
const ANSWER_MS = 60_000

/** Whose files, and seen by whom. */
export interface Place {
  readonly machineId: string
  /** Root when left out. */
  readonly user?: string | null | undefined
}

/** Fields of the request that name a path. */
export type Paths = Readonly<Record<string, string>>

/** While it is held the machine is in use. */
export interface FilesUse extends Disposable {
  readonly files: GuestFiles
  /** Why something came to nothing. */
  failure(error: unknown): Promise<AppError>
}

export async function useFiles(app: App, principal: Principal, { machineId, user }: Place, paths: Paths): Promise<FilesUse> {
  // Before it is woken: what is refused anyway wakes nothing.
  const base = baseOf(await getMachine(app, principal, machineId), user)
  for (const [field, path] of Object.entries(paths)) refuseReserved(base, path, field)
  const use = await useMachine(app, principal, machineId)
  const field = Object.keys(paths)[0] ?? 'path'
  return {
    files: use.guest.files({ user: user ?? '', base }),
    failure: async (error) => (error instanceof FileRefused ? fileFailure(error, field) : workFailure(app, machineId, error)),
    [Symbol.dispose]: () => use[Symbol.dispose](),
  }
}

export interface Question extends Place {
  readonly paths: Paths
  readonly timeoutMs?: number
}

/** Asks one thing of them. */
export async function askFiles<T>(
  app: App,
  principal: Principal,
  { paths, timeoutMs = ANSWER_MS, ...place }: Question,
  ask: (files: GuestFiles, op: Op) => Promise<T>,
): Promise<T> {
  using use = await useFiles(app, principal, place, paths)
  using op = new Op(`files of ${place.machineId}`, { timeoutMs })
  try {
    return await ask(use.files, op)
  } catch (error) {
    throw await use.failure(error)
  }
}

/** Where relative paths begin; empty: at home. A cwd that nobody chose is not where a user works. */
export const baseOf = ({ cwd }: Machine, user: string | null | undefined): string => (user != null && cwd === DEFAULTS.cwd ? '' : cwd)

/** As far as it can be told from the path alone; the guest looks where it leads. */
export function refuseReserved(base: string, path: string, field: string): void {
  const whole = absolute(base, path)
  if (whole === RESERVED || whole?.startsWith(`${RESERVED}/`))
    throw new AppError('invalid_request', { say: `${field}: ${RESERVED} is reserved.`, details: { field } })
}

/** Null: only the guest knows where the home is. */
export function absolute(base: string, path: string): string | null {
  if (path.startsWith('/')) return normalisePath(path)
  return base === '' || path.startsWith('~') ? null : normalisePath(`${base}/${path}`)
}
