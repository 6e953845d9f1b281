// The repository's `.venv` with the Python SDK in it, editable. `dev` adds what its tests and linters need.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import { howItEnded, run, succeeded } from '../lib/run.ts'
import { indent } from '../lib/text.ts'
import { hasProgram, type Say } from './apt.ts'

export const venvPython: string = inRepo('.venv/bin/python')

export interface Venv {
  readonly fresh: boolean
}

/** undefined when this tree has no Python SDK. */
export async function ensurePythonVenv(flavour: 'sdk' | 'dev', say: Say): Promise<Venv | undefined> {
  const project = inRepo('python/pyproject.toml')
  if (!existsSync(project)) return undefined
  const toml = readFileSync(project, 'utf8')
  const hash = createHash('sha256').update(inRepo('python')).update(toml).digest('hex').slice(0, 16)
  const stamp = inRepo('.venv/.nullspace-stamp')
  const [stampHash, stampFlavour] = existsSync(stamp) && existsSync(venvPython) ? readFileSync(stamp, 'utf8').split(' ') : []
  if (stampHash === hash && (stampFlavour === flavour || stampFlavour === 'dev')) return { fresh: false }

  if (!hasProgram('python3')) throw new Error('python3 is not installed; the Python SDK needs Python 3.10 or newer with its venv module')
  say('making .venv')
  // --clear: a venv whose Python was upgraded away, or whose tree was moved, cannot be repaired in place.
  await must('python3', ['-m', 'venv', '--clear', inRepo('.venv')])
  say('installing the SDK and what it needs')
  const wanted = flavour === 'sdk' ? [inRepo('python')] : hasDevExtra(toml) ? [`${inRepo('python')}[dev]`] : [inRepo('python'), 'pytest']
  const [first = '', ...others] = wanted
  await must(venvPython, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--editable', first, ...others])
  writeFileSync(stamp, `${hash} ${flavour}`)
  return { fresh: true }
}

function hasDevExtra(toml: string): boolean {
  const [, extras] = /^\[project\.optional-dependencies\]$([\s\S]*?)(?=^\[|$(?![\s\S]))/m.exec(toml) ?? []
  return /^dev\s*=/m.test(extras ?? '')
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const result = await run(command, args, { timeoutMs: 10 * 60_000 })
  if (!succeeded(result))
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} ${howItEnded(result)}:\n${indent(result.output.trimEnd())}`)
}
