// Starts the daemon in the background through the CLI, which waits until the default shapes of `base` can be restored from.
import { existsSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import { howItEnded, run, succeeded, type RunOptions, type RunResult } from '../lib/run.ts'
import { indent } from '../lib/text.ts'
import type { QuickstartOptions } from './options.ts'

const cli = 'packages/cli/src/main.ts'
const startTimeoutMs = 15 * 60_000

export interface StartedDaemon {
  readonly url: string | undefined
  readonly alreadyRunning: boolean
}

/** Where the daemon's settings come from, beside its config file. */
export function daemonEnv(options: QuickstartOptions): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...(options.dataDir === undefined ? {} : { NULLSPACE_DATA_DIR: options.dataDir }),
    ...(options.port === undefined ? {} : { NULLSPACE_PORT: String(options.port) }),
  }
}

/**
 * `nullspace daemon start --json`: progress on stderr, one JSON object on stdout. `anew` ends a daemon that runs first, for
 * it took up its image when it started; machines run on meanwhile.
 */
export async function startDaemon(
  options: QuickstartOptions,
  { anew, say }: { anew: boolean; say: (line: string) => void },
): Promise<StartedDaemon> {
  if (!existsSync(inRepo(cli))) throw new Error(`${cli} is missing in this tree; is the clone complete?`)
  const env = daemonEnv(options)
  if (anew) {
    say('the guest image has changed: stopping the daemon that runs on the old one')
    await nullspace(['daemon', 'stop', '--json'], { timeoutMs: 60_000, env })
  }
  const result = await nullspace(['daemon', 'start', '--json'], {
    timeoutMs: startTimeoutMs,
    env,
    onLine: (line, from) => {
      if (from === 'stderr') say(line)
    },
  })
  if (!succeeded(result)) {
    throw new Error(`nullspace daemon start ${howItEnded(result)}:\n${indent(reasonIn(result))}\n\n${await doctorsWord(env)}`)
  }
  return parseStarted(result.stdout)
}

/** The CLI on the pinned Node, as a user would call it. */
function nullspace(args: readonly string[], options: RunOptions): Promise<RunResult> {
  return run(process.execPath, ['--disable-warning=ExperimentalWarning', inRepo(cli), ...args], options)
}

function parseStarted(stdout: string): StartedDaemon {
  try {
    const value = JSON.parse(stdout) as { url?: unknown; already_running?: unknown }
    return { url: typeof value.url === 'string' ? value.url : undefined, alreadyRunning: value.already_running === true }
  } catch {
    return { url: undefined, alreadyRunning: false }
  }
}

/** The CLI's error object as text; whatever it printed when there is none. */
function reasonIn({ stdout, output }: RunResult): string {
  for (const text of [stdout, output]) {
    try {
      const { error } = JSON.parse(text.slice(text.indexOf('{'))) as { error: { message: string; suggested_action?: string | null } }
      return [error.message, error.suggested_action].filter((part) => part).join('\n')
    } catch {
      // Not JSON, or another object.
    }
  }
  return lastLines(output)
}

async function doctorsWord(env: NodeJS.ProcessEnv): Promise<string> {
  const result = await nullspace(['doctor'], { timeoutMs: 60_000, env })
  return `nullspace doctor says:\n${indent(lastLines(result.output) || `(nothing; it ${howItEnded(result)})`)}`
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-30).join('\n')
}
