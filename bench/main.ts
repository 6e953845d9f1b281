// npm run bench -- NAME [options]: our performance claims, measured on this host.

import { parseArgs } from 'node:util'
import { benchCreate } from './create.ts'

const usage = `npm run bench -- create [options]

create  from POST create to the first command's answer, beside podman and a cold boot; the API's part of a warm exec;
        ten creates at once. Needs root. Brings podman, runc and the guest image by itself, runs a daemon of its own
        and leaves nothing but bench/results/NAME.json and NAME.md.

  --rounds N   interleaved rounds (default 30)
  --quick      5 rounds and fewer of the rest: to see that it works, not to quote
  --name NAME  of the result files (default: create)
  --help       this text

NULLSPACE_IMAGE_DIR names the guest image to use; other NULLSPACE_ variables reach the daemon.
Ends with 0 when every bar was held, with 1 when one was missed.
`

async function main(args: readonly string[]): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        name: { type: 'string', default: 'create' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  const { values, positionals } = parsed
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  if (positionals.length !== 1 || positionals[0] !== 'create') return refuse('name the benchmark: create')
  const rounds = Number(values.rounds ?? (values.quick ? 5 : 30))
  if (!Number.isInteger(rounds) || rounds < 1) return refuse(`--rounds must be a whole number from 1, not "${values.rounds}"`)
  if (!/^[\w.-]+$/.test(values.name)) return refuse('--name may hold letters, digits, dot, dash and underscore')
  if (process.getuid?.() !== 0) return refuse('machines with a network, and podman as measured here, need root')
  const counts = values.quick ? { coldBoots: 2, execs: 60, crowds: 1 } : { coldBoots: rounds, execs: 300, crowds: 3 }
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  try {
    return (await benchCreate({ rounds, ...counts, name: values.name }, say)) ? 0 : 1
  } catch (error) {
    say(`bench: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

function refuse(why: string): number {
  process.stderr.write(`${why}\n\n${usage}`)
  return 2
}

process.exitCode = await main(process.argv.slice(2))
