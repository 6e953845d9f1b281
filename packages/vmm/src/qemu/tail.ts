// The last part of what something wrote: all we keep of a guest's console and of a hypervisor's log.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'

const KEPT_BYTES = 64 * 1024

export class Tail {
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(source: Readable) {
    // A socket underneath; it must not keep the daemon alive, nor break it when QEMU goes.
    ;(source as Partial<{ unref(): void }>).unref?.()
    source.on('error', () => {})
    source.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= KEPT_BYTES) this.#bytes -= this.#chunks.shift()?.length ?? 0
    })
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}

/** The end of a file in a directory that the hypervisor could write to: no link is followed, no pipe waited for. */
export function readTail(path: string, bytes: number): string {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return ''
    const from = Math.max(0, stat.size - bytes)
    const buffer = Buffer.alloc(Math.min(bytes, stat.size))
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from))
  } finally {
    closeSync(fd)
  }
}
