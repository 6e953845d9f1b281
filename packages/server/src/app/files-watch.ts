// Changes of files, as they happen.

import { AppError } from '@nullspace/contract/errors.ts'
import type { WatchEventKind } from '../host/guest/guest-files.ts'
import type { Principal } from '../domain/principal.ts'
import { Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { absolute, baseOf, type FilesUse, type Place, useFiles } from './files-use.ts'
import { nameOf } from './files-view.ts'
import { getMachine } from './machines.ts'

const BEGIN_MS = 60_000

export interface ChangeListener {
  /** `name` is relative to what is watched; both are empty of an overflow: whatever may have changed. */
  changed(event: WatchEventKind, name: string, path: string): void
  /** The last word. */
  ended(why: AppError): void
}

/** From the return on no change is missed. The machine is in use until it is disposed of. */
export async function watchFiles(
  app: App,
  principal: Principal,
  place: Place,
  { path, recursive }: { readonly path: string; readonly recursive: boolean },
  listener: ChangeListener,
): Promise<Disposable> {
  const base = baseOf(await getMachine(app, principal, place.machineId), place.user)
  const use = await useFiles(app, principal, place, { path })
  try {
    using op = new Op(`watch in ${place.machineId}`, { timeoutMs: BEGIN_MS })
    const root = absolute(base, path) ?? (await use.files.stat(op, path, { follow: false })).path
    const watch = await use.files.watch(
      op,
      path,
      { recursive },
      {
        event: (kind, at) => listener.changed(kind, within(root, at), at),
        ended: (error) => void tellEnd(use, listener, error),
      },
    )
    return {
      [Symbol.dispose]: () => {
        watch[Symbol.dispose]()
        use[Symbol.dispose]()
      },
    }
  } catch (error) {
    use[Symbol.dispose]()
    throw await use.failure(error)
  }
}

async function tellEnd(use: FilesUse, listener: ChangeListener, error: Error): Promise<void> {
  let why: AppError
  try {
    why = await use.failure(error)
  } catch {
    why = new AppError('internal_error', { say: 'The watch failed inside the daemon.', cause: error })
  }
  listener.ended(why)
}

function within(root: string, path: string): string {
  const above = root === '/' ? '/' : `${root}/`
  return path.startsWith(above) && path !== above ? path.slice(above.length) : nameOf(path)
}
