// A watch: a helper that tells of changes until it is ended.

import { Started, WatchEvent } from '@nullspace/guest-protocol/files.ts'
import type { FileCall } from './file-call.ts'
import { GuestFailure } from './guest.ts'
import type { WatchListener } from './guest-files.ts'

export async function watchFiles(call: FileCall, listener: WatchListener): Promise<Disposable> {
  await call.expect(Started)
  call.outlive()
  let left = false
  const tell = async (): Promise<void> => {
    for (let frame = await call.next(); frame && !left; frame = await call.next()) {
      const { event, path } = call.read(WatchEvent, frame)
      listener.event(event, path)
    }
    throw new GuestFailure('io', 'The machine ended the watch')
  }
  tell().catch((error: Error) => {
    call.drop()
    if (!left) listener.ended(error)
  })
  return {
    [Symbol.dispose]() {
      left = true
      call.drop()
    },
  }
}
