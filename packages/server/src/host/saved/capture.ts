// One instant of a running machine, put where a snapshot is being made.

import { rm } from 'node:fs/promises'
import type { Captured, Vm } from '@nullspace/vmm/driver.ts'
import type { Op } from '../../observe/op.ts'
import type { GuestClient } from '../guest/client.ts'
import type { StoragePool } from '../storage/storage.ts'
import type { SavedFiles } from './files.ts'

export interface CaptureParts {
  readonly vm: Vm
  readonly guest: GuestClient
  readonly pool: StoragePool
  /** The machine's own layer. */
  readonly disk: string
  readonly files: SavedFiles
  /** `stay`: the machine stands still after it. */
  readonly afterwards: 'run' | 'stay'
}

/** An agent that says nothing for so long is saved without having been told. */
const QUIESCE_TIMEOUT_MS = 1_000

export async function captureBody(op: Op, { vm, guest, pool, disk, files, afterwards }: CaptureParts): Promise<Captured> {
  for (const path of [files.state, files.sums, files.disk]) await rm(path, { force: true })
  let stands = false
  try {
    const captured = await vm.capture(op, {
      memoryFile: files.memory,
      stateFile: files.state,
      sumsFile: files.sums,
      // So that nothing is half-said in the child. Not before its turn has come: it is mute from here on. An agent that does
      // not answer is saved as it is: sessions are numbered.
      beforeStop: (stopOp) =>
        guest.quiesce(stopOp.child('quiesce', QUIESCE_TIMEOUT_MS)).catch((error: unknown) => op.log(`not quiesced: ${String(error)}`)),
      whileStopped: (stoppedOp) => pool.clone(stoppedOp, disk, files.disk),
      afterwards,
    })
    stands = afterwards === 'stay'
    op.log(`captured ${captured.ownBytes} bytes in ${Math.round(captured.stoppedMs)} ms`)
    return captured
  } finally {
    if (!stands) guest.thaw()
  }
}
