// Where machines' disks and templates' memory live. Cloning must be cheap, so the pool is a filesystem with reflink
// where one can be had; one interface, three answers.

import type { Op } from '../../observe/op.ts'

export interface StoragePool {
  /** `native`: the data directory can reflink; `loop`: an XFS image mounted in it; `copy`: neither, files are copied sparsely. */
  readonly kind: 'native' | 'loop' | 'copy'
  /** Absolute directory on the pool's filesystem. */
  readonly root: string
  /** Why this kind, one sentence for `doctor`. */
  readonly reason: string
  /** `to` becomes an independent file with the bytes of `from`; fails if `to` exists. Holes stay holes. */
  clone(op: Op, from: string, to: string): Promise<void>
  /** Bytes on the pool that can really be written: for `loop`, also bounded by what the outer filesystem has left. */
  free(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
}
