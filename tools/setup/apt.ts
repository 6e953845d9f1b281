// Installs Debian packages: as root, or through sudo with a word on why.
import { accessSync, constants } from 'node:fs'
import { howItEnded, run, succeeded } from '../lib/run.ts'
import { indent, seconds } from '../lib/text.ts'

export type Say = (line: string) => void

export interface AptOptions {
  /** Options for every call, e.g. another source list. */
  readonly extra?: readonly string[]
}

/** One `apt-get update` and one `apt-get install`. */
export async function aptInstall(packages: readonly string[], say: Say, options: AptOptions = {}): Promise<void> {
  const names = packages.join(' ')
  if (!hasProgram('apt-get')) {
    throw new Error(`this host has no apt-get. Install by hand what these Debian packages hold, then run this again: ${names}`)
  }
  const flags = ['-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=300']
  await aptUpdate(say, options)
  await aptGet(['install', ...flags, ...packages], `installing ${names}`, say, options)
}

export async function aptUpdate(say: Say, options: AptOptions = {}): Promise<void> {
  await aptGet(['update'], 'fetching the package lists', say, options)
}

export function hasProgram(name: string): boolean {
  return programPath(name) !== undefined
}

/** Where a program is, looking where root finds it too: /usr/sbin is not in everyone's PATH. */
export function programPath(name: string): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return dirs
    .filter((dir) => dir !== '')
    .map((dir) => `${dir}/${name}`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** What to put in front of a command that needs root, with these variables; says so when that is sudo. */
export function rootPrefix(what: string, say: Say, keep: NodeJS.ProcessEnv = {}): readonly string[] {
  if (process.getuid?.() === 0) return []
  if (!hasProgram('sudo')) throw new Error(`${what} needs root, and there is no sudo here. Run this once as root.`)
  say(`${what} needs root; using sudo`)
  // Not by --preserve-env: many a sudoers sets PATH itself.
  return ['sudo', 'env', ...Object.entries(keep).map(([name, value]) => `${name}=${value ?? ''}`)]
}

async function aptGet(args: readonly string[], what: string, say: Say, { extra = [] }: AptOptions): Promise<void> {
  const sudo = rootPrefix(what, say, { DEBIAN_FRONTEND: 'noninteractive' })
  say(what)
  const [command = '', ...rest] = [...sudo, 'apt-get', ...extra, ...args]
  const result = await run(command, rest, {
    timeoutMs: 15 * 60_000,
    terminal: sudo.length > 0,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    onLine: (line) => {
      const [, step] = /^(Unpacking \S+|Setting up \S+)/.exec(line) ?? []
      if (step !== undefined) say(step)
    },
  })
  // `update` ends with 0 even where a source did not answer; the install then says what is missing.
  if (succeeded(result)) return
  const hint = /dpkg was interrupted/.test(result.output) ? '\nRun `dpkg --configure -a` first.' : ''
  throw new Error(`apt-get ${howItEnded(result)} after ${seconds(result.ms)} while ${what}:\n${indent(lastLines(result.output))}${hint}`)
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-12).join('\n')
}
