// What works and what does not, seen from a client and, on the daemon's own box, from the host.

import type { CheckResult } from '@nullspace/contract/host.ts'
import { defineCommand } from '../core/command.ts'
import { clientChecks } from './client-checks.ts'
import { hostChecks } from './host-checks.ts'

const MARK = { ok: 'ok', info: 'info', warning: 'WARN', failure: 'FAIL' } as const

export const doctor = defineCommand({
  path: 'doctor',
  summary: 'Check configuration, daemon and host; says how to mend what is wrong; exit code 1 when something fails.',
  examples: ['nullspace doctor', 'nullspace doctor --json'],
  async run({ io }) {
    const { checks, host } = await clientChecks(io)
    const all = [...checks, ...(await hostChecks(host, io))]
    return { ok: all.every(({ level }) => level !== 'failure'), checks: all }
  },
  render({ ok, checks }, { io }) {
    const width = Math.max(...checks.map(({ name }) => name.length))
    for (const { name, level, found, fix } of checks) {
      io.stdout.write(`${MARK[level].padEnd(4)}  ${name.padEnd(width)}  ${found}\n`)
      if (fix !== undefined) io.stdout.write(`${' '.repeat(width + 8)}-> ${fix}\n`)
    }
    io.stdout.write(`\n${verdict(ok, checks)}\n`)
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
})

function verdict(ok: boolean, checks: readonly CheckResult[]): string {
  const count = (wanted: CheckResult['level']): number => checks.filter(({ level }) => level === wanted).length
  const warnings = count('warning')
  const rest = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`
  return ok ? `no failures${rest}` : `${count('failure')} failed${rest}`
}
