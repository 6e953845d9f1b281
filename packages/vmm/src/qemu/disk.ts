// The disk as QEMU's block layer has it: the VM's own layer on top, and below it what many may share.

import { open, type FileHandle } from 'node:fs/promises'
import { DriverError } from '../errors.ts'
import type { Op } from '../op.ts'
import type { DiskLayer, VmSpec } from '../driver.ts'
import type { Qmp } from './qmp.ts'

/**
 * Layers below the VM's own are opened by us and handed over, so that nobody else has to be able to open them. Every node
 * is told what lies below it: the name of a backing file in a header is not followed, nor is it known to be right.
 * `firstLayerFd` is what the process has the first of `backing` as; the others follow.
 */
export function diskArguments({ disk, backing }: Pick<VmSpec, 'disk' | 'backing'>, { firstLayerFd }: { firstLayerFd: number }): string[][] {
  const below = (index: number): string | null => (index < backing.length ? layerNode(index) : null)
  // From the bottom up: a node can only stand on one that is there.
  const layers = backing.map(({ format }, index) => {
    const fd = firstLayerFd + index
    const file = { driver: 'file', filename: `/dev/fdset/${fd}` }
    const node = { 'node-name': layerNode(index), 'read-only': true, file }
    return [
      ['-add-fd', `fd=${fd},set=${fd}`],
      blockdev(format === 'raw' ? { driver: 'raw', ...node } : { driver: 'qcow2', ...node, backing: below(index + 1) }),
    ]
  })
  const file = { driver: 'file', 'node-name': OWN_FILE, filename: disk }
  return [...layers.reverse().flat(), blockdev({ ...ownOptions(backing.length), file })]
}

const OWN_FILE = 'disk-file'
const ownOptions = (layers: number) => ({
  driver: 'qcow2',
  'node-name': 'disk',
  discard: 'unmap',
  backing: layers > 0 ? layerNode(0) : null,
})

/**
 * Rejects when not all is in the file that the guest was told is on its disk. QEMU flushes when it is stopped, but says
 * nothing when that fails; opened again as it is, it flushes once more, and does.
 */
export async function confirmFlushed(op: Op, qmp: Qmp, layers: number): Promise<void> {
  await qmp.execute(op, 'blockdev-reopen', { options: [{ ...ownOptions(layers), file: OWN_FILE }] })
}

const layerNode = (index: number): string => `base${index}`

/** JSON, because the short form cannot say that there is no backing. */
const blockdev = (options: Record<string, unknown>): string[] => ['-blockdev', JSON.stringify(options)]

/** Read-only; the caller closes them. */
export async function openLayers(backing: readonly DiskLayer[]): Promise<AsyncDisposable & { readonly fds: readonly number[] }> {
  const files: FileHandle[] = []
  const close = async (): Promise<void> => {
    for (const file of files) await file.close()
  }
  try {
    for (const { file } of backing) files.push(await open(file, 'r'))
  } catch (cause) {
    await close()
    throw new DriverError('bad_snapshot', `A layer of the disk cannot be opened: ${backing[files.length]?.file}`, { cause })
  }
  return { fds: files.map(({ fd }) => fd), [Symbol.asyncDispose]: close }
}
