// The other side of the comparison: podman on an image with the same userland as template `base`.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir, inRepo } from '../../tools/lib/repo.ts'
import { howItEnded, run, succeeded, type RunResult } from '../../tools/lib/run.ts'
import { aptInstall, hasProgram } from '../../tools/setup/apt.ts'
import { program } from './program.ts'

export interface Podman {
  readonly version: string
  readonly runtime: string
  readonly image: string
  /** `podman run --rm --network=none IMAGE sh -c true`, from spawn to exit; ms. */
  runTrue(): Promise<number>
}

type Say = (line: string) => void

export async function preparePodman(say: Say): Promise<Podman> {
  const missing = ['podman', 'runc'].filter((name) => !hasProgram(name))
  if (missing.length > 0) await aptInstall(missing, say)
  const image = await ensureImage(say)
  const args = [...GLOBAL, 'run', '--rm', '--network=none', ...LIMITS, image, 'sh', '-c', 'true']
  const runTrue = async (): Promise<number> => {
    const { ok, why, ms } = await program('podman', args)
    if (!ok) throw new Error(why)
    return ms
  }
  await runTrue()
  const version = (await program('podman', ['--version'])).stdout.trim()
  const runtime = (await program('runc', ['--version'])).stdout.split('\n', 1)[0] ?? ''
  return { version, runtime, image, runTrue }
}

/** runc with cgroupfs runs under both cgroup interfaces; crun refuses the hybrid of the two. */
export const GLOBAL = ['--runtime=runc', '--cgroup-manager=cgroupfs']

/** Podman's defaults are above what root may set where it lacks CAP_SYS_RESOURCE. */
export const LIMITS = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024']

/** Named for what it is made from, so it is made once. */
async function ensureImage(say: Say): Promise<string> {
  const packages = readFileSync(inRepo('images/base/packages.txt'), 'utf8')
  const image = `localhost/nullspace-bench:${createHash('sha256').update(packages).digest('hex').slice(0, 16)}`
  if (succeeded(await run('podman', [...GLOBAL, 'image', 'exists', image]))) return image
  const built = await builtUserland()
  const tar = built ?? join(cacheDir(), `bench-${process.pid}.tar`)
  try {
    if (built === null) await makeUserland(tar, packages, say)
    say('importing the userland into podman')
    mustSucceed(await run('podman', [...GLOBAL, 'import', tar, image], { timeoutMs: 10 * 60_000 }), 'podman import')
  } finally {
    if (built === null) await rm(tar, { force: true })
  }
  return image
}

/** The very tarball that the guest's root filesystem was made from, if it was made on this host (images/stages/debian.sh). */
async function builtUserland(): Promise<string | null> {
  const key = (await run('sh', ['-c', 'cat images/base/packages.txt images/stages/debian.sh | sha256sum | cut -c1-16'])).stdout.trim()
  const tar = join(cacheDir(), `debian-${key}`, 'rootfs.tar')
  return existsSync(tar) ? tar : null
}

async function makeUserland(tar: string, packages: string, say: Say): Promise<void> {
  if (!hasProgram('mmdebstrap')) await aptInstall(['mmdebstrap'], say)
  say('making the userland of base for podman (some minutes)')
  const names = packages.split('\n').filter((name) => name !== '')
  const result = await run(
    'mmdebstrap',
    ['--mode=root', '--variant=minbase', `--include=${names.join(',')}`, '--aptopt=APT::Install-Recommends "false"', 'bookworm', tar],
    {
      timeoutMs: 30 * 60_000,
    },
  )
  mustSucceed(result, 'mmdebstrap')
}

function mustSucceed(result: RunResult, what: string): void {
  if (!succeeded(result)) throw new Error(`${what} ${howItEnded(result)}: ${result.output.trim().split('\n').slice(-3).join(' | ')}`)
}
