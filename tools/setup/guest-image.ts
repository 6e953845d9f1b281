// Builds the guest image once per state of its sources. The directory is named for their hash and appears only when complete,
// so that a machine on an older image is never disturbed and a killed build leaves nothing that looks usable.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir, inRepo } from '../lib/repo.ts'
import { howItEnded, run, succeeded } from '../lib/run.ts'
import { indent } from '../lib/text.ts'
import { rootPrefix, type Say } from './apt.ts'

export interface GuestImage {
  readonly dir: string
  readonly built: boolean
}

const timeoutMs = 40 * 60_000

/** undefined when this tree has no recipe to build from. */
export async function ensureGuestImage(goBin: string, say: Say): Promise<GuestImage | undefined> {
  if (!existsSync(inRepo('images/build.sh'))) return undefined
  const env = { ...process.env, PATH: `${goBin}:${process.env['PATH']}`, NULLSPACE_CACHE: cacheDir() }
  const dir = join(cacheDir(), 'images', `base-${await inputsHash(env)}`)
  if (existsSync(join(dir, 'manifest.json'))) return { dir, built: false }

  const prefix = rootPrefix('building the guest image', say, { PATH: env.PATH, NULLSPACE_CACHE: env.NULLSPACE_CACHE })
  const partial = `${dir}.partial-${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    const [command = '', ...args] = [...prefix, 'bash', 'images/build.sh', partial]
    const result = await run(command, args, {
      timeoutMs,
      terminal: prefix.length > 0,
      env,
      onLine: (line) => {
        if (/^\[\d+\/\d+\]/.test(line)) say(line)
      },
    })
    if (!succeeded(result)) {
      throw new Error(`images/build.sh ${howItEnded(result)}:\n${indent(result.output.trimEnd().split('\n').slice(-25).join('\n'))}`)
    }
    if (!existsSync(dir)) renameSync(partial, dir)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return { dir, built: true }
}

/** Of all that the image is made from, as the recipe itself sees it. */
async function inputsHash(env: NodeJS.ProcessEnv): Promise<string> {
  const result = await run('bash', ['images/inputs-hash.sh'], { timeoutMs: 60_000, env })
  if (!succeeded(result)) throw new Error(`images/inputs-hash.sh ${howItEnded(result)}:\n${indent(result.output)}`)
  return result.stdout.trim().slice(0, 16)
}
