// What this host's QEMU and processor offer, as far as the command line and a snapshot depend on it.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { DriverError } from '../errors.ts'
import type { Op } from '../op.ts'

export interface HostTraits {
  readonly accelerator: 'kvm' | 'tcg'
  readonly cpuModel: string
  /** Of QEMU, e.g. `7.2.22`. */
  readonly version: string
  /** Whether guest memory may be mapped copy-on-write from a file that is opened read-only. */
  readonly readOnlyMemoryFile: boolean
  /** Frequency of the time stamp counter. */
  readonly tscKhz: number
}

export async function readHostTraits(op: Op, binary: string, accelerator: 'kvm' | 'tcg'): Promise<HostTraits> {
  const version = await qemuVersion(op, binary)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return {
    accelerator,
    cpuModel: accelerator === 'kvm' ? 'host' : 'max',
    version,
    readOnlyMemoryFile: major > 8 || (major === 8 && minor >= 2),
    tscKhz: tscKhz(),
  }
}

export async function qemuVersion(op: Op, binary: string): Promise<string> {
  let text: string
  try {
    text = (await promisify(execFile)(binary, ['--version'], { signal: op.signal, encoding: 'utf8' })).stdout
  } catch (cause) {
    throw new DriverError('unsupported', `QEMU does not run: ${binary}. Install it (Debian: qemu-system-x86).`, { cause })
  }
  const version = /version (\d+\.\d+\.\d+)/.exec(text)?.[1]
  if (!version) throw new DriverError('unsupported', `${binary} does not say a version: ${text.slice(0, 80)}`)
  return version
}

/**
 * The kernel prints the counter's frequency once. In /proc/cpuinfo stands the current clock instead, which is the same
 * in a VM and on processors that do not scale, and a guess elsewhere.
 */
function tscKhz(): number {
  const cpuinfo = readFileSync('/proc/cpuinfo', 'latin1')
  const isVirtual = /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo)
  const base = isVirtual ? null : readNumber('/sys/devices/system/cpu/cpu0/cpufreq/base_frequency')
  return base ?? Math.round(Number(/^cpu MHz\s*:\s*([\d.]+)/m.exec(cpuinfo)?.[1] ?? 1000) * 1000)
}

function readNumber(path: string): number | null {
  try {
    return Number(readFileSync(path, 'latin1')) || null
  } catch {
    return null
  }
}
