// qcow2 layers, made by qemu-img: a process of 10 ms, so only where time does not matter. Machines copy a blank one.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Op } from '../../observe/op.ts'

const run = promisify(execFile)

export interface NewOverlay {
  readonly base: string
  readonly baseFormat: 'raw' | 'qcow2'
  readonly to: string
  /** An image whose size it gets when `base` is not there yet under its final name. */
  readonly sizeFrom?: string
}

export type CreateOverlay = (op: Op, overlay: NewOverlay) => Promise<void>

export const qcow2Overlay: CreateOverlay = async (op, { base, baseFormat, to, sizeFrom }) => {
  const args = ['create', '-q', '-f', 'qcow2', '-F', baseFormat, '-b', base]
  const size = sizeFrom === undefined ? [] : [String(await virtualSize(op, sizeFrom))]
  // -u: the backing file is not opened; it may not be there yet.
  await run('qemu-img', [...args, ...(sizeFrom === undefined ? [] : ['-u']), to, ...size], { signal: op.signal })
}

async function virtualSize(op: Op, image: string): Promise<number> {
  // -U: the image may still be open elsewhere.
  const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', image], { signal: op.signal })
  return (JSON.parse(stdout) as { 'virtual-size': number })['virtual-size']
}
