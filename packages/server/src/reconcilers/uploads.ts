// The ends of uploads that nobody ends: their time is over, their machine is gone, or they are long done.

import type { App } from '../app/context.ts'
import { lockOf } from '../app/uploads-complete.ts'
import { UPLOAD_LIMITS } from '@nullspace/contract/uploads.ts'
import type { UploadId } from '@nullspace/contract/ids.ts'
import { closeUpload, deleteUpload, strayUploads, updateUpload, uploadsIn, uploadsUntouched } from '../store/tables/uploads.ts'
import type { Reconciler } from './reconciler.ts'

export const uploads = (app: App): Reconciler => ({
  name: 'uploads',
  everyMs: 5_000,
  async run() {
    const now = app.clock.now()
    const over = now - UPLOAD_LIMITS.expiresMs
    // Its end could not be written, and nobody works on it any more.
    for (const id of await uploadsIn(app.db, 'completing')) {
      if (app.lock.holder(lockOf(id)) === undefined) await updateUpload(app.db, id, { state: 'open', updatedAt: now }, ['completing'])
    }
    for (const id of await uploadsUntouched(app.db, ['open'], over)) {
      const change = { state: 'expired', updatedAt: now } as const
      const closed = await app.db.transaction().execute((tx) => closeUpload(tx, id, change, ['open']))
      if (closed) await drop(app, id)
    }
    for (const id of await uploadsUntouched(app.db, ['completed', 'aborted', 'expired'], over)) await deleteUpload(app.db, id)
    // The row first: a part that comes after it finds nothing to belong to.
    for (const id of await strayUploads(app.db)) {
      await deleteUpload(app.db, id)
      await drop(app, id)
    }
  },
})

/** What will not go is a leftover, and goes as one. */
async function drop(app: App, id: UploadId): Promise<void> {
  await app.host.staging.drop(id).catch((error: unknown) => app.log.warn({ err: error, upload: id }, 'parts of an upload are left behind'))
}
