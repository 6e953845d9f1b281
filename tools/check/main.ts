// npm run check [-- NAME]: everything that can be judged without running the product. `NAME` picks the steps with that in their name.
import { availableParallelism } from 'node:os'
import { indent, seconds } from '../lib/text.ts'
import { allChecks } from './all-checks.ts'
import { runChecks, type CheckResult } from './check.ts'

async function main([filter = '']: readonly string[]): Promise<number> {
  const started = performance.now()
  const checks = allChecks.filter(({ name }) => name.includes(filter))
  if (checks.length === 0) {
    process.stderr.write(`no check is named "${filter}"; there are: ${allChecks.map(({ name }) => name).join(', ')}\n`)
    return 2
  }
  const results = await runChecks(checks, availableParallelism(), (result) => process.stdout.write(`${checkLine(result)}\n`))
  const failed = results.filter(({ problems }) => problems.length > 0)
  for (const { name, warnings = [] } of results) for (const warning of warnings) process.stdout.write(`warning: ${name}: ${warning}\n`)
  for (const { name, problems } of failed)
    process.stdout.write(`\n${name} failed:\n${problems.map((problem) => indent(problem, '  ')).join('\n')}\n`)
  process.stdout.write(
    `\n${failed.length === 0 ? 'all checks passed' : `${failed.length} of ${results.length} checks failed`} in ${seconds(performance.now() - started)}\n`,
  )
  return failed.length === 0 ? 0 : 1
}

export function checkLine({ name, ms, problems, skipped, looked }: CheckResult): string {
  const mark = problems.length > 0 ? 'FAIL' : skipped === undefined ? 'ok  ' : 'skip'
  return `${mark} ${name.padEnd(24)} ${seconds(ms).padStart(7)}${(skipped ?? looked) ? `  ${skipped ?? looked}` : ''}`
}

process.exitCode = await main(process.argv.slice(2))
