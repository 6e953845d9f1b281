// A check that is another program's work: its output is the problem when it does not end with 0.
import { howItEnded, run, succeeded, type RunOptions } from '../lib/run.ts'
import type { Finding } from './check.ts'

const timeoutMs = 5 * 60_000

export async function programFinding(
  command: string,
  args: readonly string[],
  options: RunOptions & { looked?: string; hint?: string } = {},
): Promise<Finding> {
  const { looked, hint, ...runOptions } = options
  const result = await run(command, args, { timeoutMs, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }, ...runOptions })
  if (succeeded(result)) return { problems: [], ...(looked === undefined ? {} : { looked }) }
  const output = result.output.trim()
  return { problems: [`${command} ${howItEnded(result)}${output ? `:\n${output}` : ''}${hint ? `\n${hint}` : ''}`] }
}
