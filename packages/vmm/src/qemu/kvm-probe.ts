// Whether a guest runs under KVM here. A device that opens proves nothing: in some nested and paravirtual hosts
// everything answers and the guest never gets anywhere. So one is started, and has to finish in time.

import { execFile } from 'node:child_process'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Op } from '../op.ts'
import { isRoot } from './access.ts'
import { PASSED_EXIT_CODE, probeFirmware } from './kvm-probe-guest.ts'

export interface KvmVerdict {
  readonly usable: boolean
  /** One sentence. */
  readonly reason: string
}

export interface KvmProbe {
  readonly binary: string
  /** The verdict is kept here for as long as the host runs. */
  readonly stateDir: string
  readonly device?: string
  /** For tests: what to run the guest under instead. */
  readonly accelerator?: string
  readonly cpuModel?: string
  readonly patienceSeconds?: number
}

export async function probeKvm(op: Op, probe: KvmProbe): Promise<KvmVerdict> {
  const device = probe.device ?? '/dev/kvm'
  let mode: number
  try {
    mode = (await stat(device)).mode
  } catch {
    return { usable: false, reason: `There is no ${device}: guests are emulated` }
  }
  const file = join(probe.stateDir, 'kvm-verdict.json')
  const key = JSON.stringify({ boot: await bootId(), binary: probe.binary, mode })
  const known = await readVerdict(file, key)
  if (known) return known
  const verdict = judgeAccess(await runProbe(op, probe), device, mode)
  await writeFile(`${file}.partial`, JSON.stringify({ key, verdict }))
  await rename(`${file}.partial`, file)
  op.log(`KVM: ${verdict.reason}`)
  return verdict
}

/** The probe ran as us; a root daemon's VMs run as ordinary users. */
function judgeAccess(verdict: KvmVerdict, device: string, mode: number): KvmVerdict {
  if (!verdict.usable || !isRoot() || (mode & 0o060) === 0o060 || (mode & 0o006) === 0o006) return verdict
  return { usable: false, reason: `A guest runs under KVM, but only root may open ${device}: give it a group, or mode 0666` }
}

async function runProbe(
  op: Op,
  { binary, stateDir, accelerator = 'kvm', cpuModel = 'host', patienceSeconds = 3 }: KvmProbe,
): Promise<KvmVerdict> {
  const firmware = join(stateDir, 'kvm-probe.bin')
  await writeFile(firmware, probeFirmware())
  try {
    const { end, said } = await run(op, probeCommand({ binary, accelerator, cpuModel, firmware, patience: `${patienceSeconds}` }))
    if (end === PASSED_EXIT_CODE) return { usable: true, reason: 'A probe guest ran under KVM' }
    if (end === 'SIGKILL' || end === 128 + 9) {
      return { usable: false, reason: `A probe guest under KVM got nowhere in ${patienceSeconds} s: guests are emulated` }
    }
    return { usable: false, reason: `QEMU cannot run a guest under KVM: ${said || `it ended with ${end}`}` }
  } finally {
    await rm(firmware, { force: true })
  }
}

function probeCommand({
  binary,
  accelerator,
  cpuModel,
  firmware,
  patience,
}: Record<'binary' | 'accelerator' | 'cpuModel' | 'firmware' | 'patience', string>): string[] {
  return [
    // By a program of its own, so that a guest that spins for ever ends even if the daemon is killed meanwhile.
    ['timeout', '--signal=KILL', patience, binary],
    ['-machine', 'microvm,acpi=off,pit=off,pic=off,rtc=off,isa-serial=off', '-accel', accelerator, '-cpu', cpuModel, '-m', '16'],
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-bios', firmware, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  ].flat()
}

interface Ended {
  /** Exit code or signal. */
  readonly end: number | string
  readonly said: string
}

function run(op: Op, [program = '', ...args]: string[]): Promise<Ended> {
  const done = Promise.withResolvers<Ended>()
  // At our deadline `timeout` gets SIGTERM and hands it on.
  execFile(program, args, { signal: op.signal, encoding: 'utf8' }, (error, _stdout, stderr) => {
    if (op.signal.aborted) return done.reject(op.signal.reason)
    const end = error === null ? 0 : (error.signal ?? error.code ?? 'an unknown error')
    done.resolve({ end, said: stderr.trim().split('\n')[0] ?? '' })
  })
  return done.promise
}

async function readVerdict(file: string, key: string): Promise<KvmVerdict | null> {
  try {
    const known = JSON.parse(await readFile(file, 'utf8')) as { key: string; verdict: KvmVerdict }
    return known.key === key ? known.verdict : null
  } catch {
    return null
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
