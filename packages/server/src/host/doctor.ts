// What this host has and lacks for running machines, each with how to mend it. Looks only; changes nothing.

import type { CheckResult } from '@nullspace/contract/host.ts'
import { freemem, release, totalmem } from 'node:os'
import { access } from 'node:fs/promises'
import type { DriverInfo } from '@nullspace/vmm/driver.ts'
import { Op } from '../observe/op.ts'
import type { Finding } from './network/dns.ts'
import type { StoragePool } from './storage/storage.ts'
import type { TemplateFacts } from './host.ts'

export interface DoctorParts {
  /** Each may fail for a reason that is itself the finding. */
  readonly driver: () => Promise<DriverInfo>
  readonly network: (op: Op) => Promise<readonly Finding[]>
  /** Null before the first start: there is nothing to look at. */
  readonly pool: ((op: Op) => Promise<StoragePool>) | null
  readonly template: Omit<CheckResult, 'name'>
}

const GIB = 1024 ** 3
const CHECK_TIMEOUT_MS = 30_000

export const NO_IMAGE: Omit<CheckResult, 'name'> = {
  level: 'failure',
  found: 'the guest image has not been built',
  fix: 'Run "npm run quickstart", which builds it.',
}

export function templateCheck([base]: readonly TemplateFacts[]): Omit<CheckResult, 'name'> {
  if (!base) return NO_IMAGE
  return {
    level: 'ok',
    found: `image is there; shapes ready: ${base.readyShapes.map((shape) => `${shape.vcpus}x${shape.memoryMb}`).join(', ') || 'none yet'}`,
  }
}

export async function examine(parts: DoctorParts): Promise<CheckResult[]> {
  using op = new Op('doctor', { timeoutMs: CHECK_TIMEOUT_MS })
  return [
    kernel(),
    privileges(),
    ...(await driver(parts)),
    await tun(),
    ...(await network(op, parts)),
    ...(await storage(op, parts)),
    memory(),
    { name: 'template base', ...parts.template },
  ]
}

function kernel(): CheckResult {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const old = major < 5 || (major === 5 && minor < 10)
  return old
    ? { name: 'kernel', level: 'failure', found: `Linux ${release()}`, fix: 'Use a kernel of 5.10 or later.' }
    : { name: 'kernel', level: 'ok', found: `Linux ${release()}` }
}

function privileges(): CheckResult {
  return process.getuid?.() === 0
    ? { name: 'privileges', level: 'ok', found: 'running as root' }
    : {
        name: 'privileges',
        level: 'warning',
        found: 'not running as root: no network slots and no users of their own for machines',
        fix: 'Start the daemon as root, e.g. by the systemd unit in deploy/.',
      }
}

async function driver({ driver: info }: DoctorParts): Promise<CheckResult[]> {
  try {
    const { name, version, features, acceleratorReason } = await info()
    return [
      { name: 'hypervisor', level: 'ok', found: `${name} ${version}` },
      features.accelerator === 'kvm'
        ? { name: 'kvm', level: 'ok', found: acceleratorReason }
        : { name: 'kvm', level: 'info', found: `machines run under emulation: ${acceleratorReason}` },
    ]
  } catch (error) {
    return [
      { name: 'hypervisor', level: 'failure', found: sentence(error), fix: 'Install QEMU: apt-get install qemu-system-x86 qemu-utils.' },
    ]
  }
}

async function tun(): Promise<CheckResult> {
  const there = await access('/dev/net/tun').then(
    () => true,
    () => false,
  )
  return there
    ? { name: 'tun', level: 'ok', found: '/dev/net/tun is there' }
    : {
        name: 'tun',
        level: 'failure',
        found: '/dev/net/tun is missing',
        fix: 'Load it with "modprobe tun"; in a container, pass the device in.',
      }
}

async function network(op: Op, parts: DoctorParts): Promise<CheckResult[]> {
  try {
    return (await parts.network(op)).map(
      ({ ok, what, why, fix }) => ({ name: what, level: ok ? 'ok' : 'warning', found: why, ...(fix === null ? {} : { fix }) }) as const,
    )
  } catch (error) {
    return [{ name: 'network', level: 'failure', found: sentence(error), fix: 'Install iproute2 and nftables, and run as root.' }]
  }
}

async function storage(op: Op, { pool: open }: DoctorParts): Promise<CheckResult[]> {
  if (!open) return [{ name: 'storage pool', level: 'info', found: 'it is made at the first start of the daemon' }]
  try {
    const pool = await open(op)
    const { freeBytes, totalBytes } = await pool.free()
    const free = `${(freeBytes / GIB).toFixed(1)} of ${(totalBytes / GIB).toFixed(1)} GiB free`
    return [
      {
        name: 'storage pool',
        level: pool.kind === 'copy' ? 'warning' : 'ok',
        found: `${pool.kind}: ${pool.reason}`,
        ...(pool.kind === 'copy'
          ? { fix: 'Put the data directory on XFS or btrfs, or run as root so that an XFS image can be mounted.' }
          : {}),
      },
      freeBytes < 2 * GIB
        ? { name: 'disk', level: 'warning', found: free, fix: 'Free some space: machines are refused when it runs out.' }
        : { name: 'disk', level: 'ok', found: free },
    ]
  } catch (error) {
    return [
      {
        name: 'storage pool',
        level: 'failure',
        found: sentence(error),
        fix: 'See the message; xfsprogs and root are needed for a loop-mounted pool.',
      },
    ]
  }
}

function memory(): CheckResult {
  const found = `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB available`
  return freemem() < GIB
    ? { name: 'memory', level: 'warning', found, fix: 'Free memory: a machine needs about 0.2 GiB to start.' }
    : { name: 'memory', level: 'ok', found }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
