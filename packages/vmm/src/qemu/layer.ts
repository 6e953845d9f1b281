// Disk layers, made by the format's own tool: a process of 10 ms, so only where time does not matter. Machines copy a
// blank one.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { noSpaceOr } from '../errors.ts'
import type { NewLayer } from '../driver.ts'
import type { Op } from '../op.ts'

const run = promisify(execFile)

export async function createLayer(op: Op, { base, baseFormat, to, sizeFrom }: NewLayer): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', '-F', baseFormat === 'layer' ? 'qcow2' : 'raw', '-b', base]
  // -u: the backing file is not opened; it may not be there yet.
  const sized = sizeFrom === undefined ? [to] : ['-u', to, String(await virtualSize(op, sizeFrom))]
  await run('qemu-img', [...args, ...sized], { signal: op.signal }).catch(noSpaceOr)
}

async function virtualSize(op: Op, image: string): Promise<number> {
  // -U: the image may still be open elsewhere.
  const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', image], { signal: op.signal })
  return (JSON.parse(stdout) as { 'virtual-size': number })['virtual-size']
}
