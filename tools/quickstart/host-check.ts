// What must be true of the host before anything is installed on it. What the kernel and QEMU can do is `nullspace doctor`'s to judge.
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, freemem, release, totalmem } from 'node:os'
import { hasProgram } from '../setup/apt.ts'
import { root } from '../lib/repo.ts'

const minMemoryMb = 1_500
const minDiskMb = 6_000

/** Resolves to one line about the host; throws with every reason against it. */
export async function checkHost(dataDir: string | undefined): Promise<string> {
  const memoryMb = Math.floor(totalmem() / 2 ** 20)
  const diskDir = dataDir === undefined ? root : existingParent(dataDir)
  const diskMb = freeMb(diskDir)
  const reasons = [
    !hasProgram('apt-get') && 'no apt-get: host packages are installed on Debian and Ubuntu only',
    memoryMb < minMemoryMb && `${memoryMb} MB of memory: at least ${minMemoryMb} MB are needed for a guest image build and two machines`,
    diskMb < minDiskMb && `${diskMb} MB free on the disk of ${diskDir}: at least ${minDiskMb} MB are needed; --data-dir picks another disk`,
    isWsl1() && 'WSL 1 has no Linux kernel: use WSL 2',
  ].filter((reason) => reason !== false)
  if (reasons.length > 0) throw new Error(`this host cannot run Nullspace:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`)
  const user = process.getuid?.() === 0 ? 'root' : 'not root'
  return `${distribution()}, Linux ${release()}, ${process.arch}, ${availableParallelism()} CPUs, ${(memoryMb / 1024).toFixed(1)} GB memory (${(freemem() / 2 ** 30).toFixed(1)} free), ${user}`
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown Linux'
  } catch {
    return 'unknown Linux'
  }
}

function freeMb(dir: string): number {
  const { bavail, bsize } = statfsSync(dir)
  return Math.floor((bavail * bsize) / 2 ** 20)
}

function existingParent(dir: string): string {
  for (let at = dir; at !== '/'; at = at.slice(0, Math.max(1, at.lastIndexOf('/')))) {
    try {
      statfsSync(at)
      return at
    } catch {
      // The data directory is made by the daemon; its nearest existing parent is on the same disk.
    }
  }
  return '/'
}

function isWsl1(): boolean {
  return release().endsWith('Microsoft')
}
