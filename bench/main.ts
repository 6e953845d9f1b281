// npm run bench -- NAME [options]: our performance claims, measured on this host.

import { parseArgs } from 'node:util'
import { benchCreate } from './create.ts'
import { benchInside } from './inside.ts'
import { benchLifecycle } from './lifecycle.ts'

const usage = `npm run bench -- create|lifecycle|inside [options]

create     from POST create to the first command's answer, beside podman and a cold boot; the API's part of a warm exec;
           ten creates at once
lifecycle  how long a machine stands still at a snapshot or fork; from fork, resume and create to the first command's
           answer; many children at once; what a pause keeps and a fork costs in memory; fifty machines paused; whether
           the daemon answers meanwhile; podman beside it
inside     warm commands over HTTP and over WebSockets, and the daemon's share of them; a hundred at once; keys in a
           terminal; files in and out; the daemon's memory while a process prints 1 GiB; podman beside it

Needs root. Brings podman, runc and the guest image by itself, runs daemons of its own and leaves nothing but
bench/results/NAME.json and NAME.md.

  --rounds N   interleaved rounds (default 30)
  --quick      5 rounds and fewer of the rest: to see that it works, not to quote
  --name NAME  of the result files (default: as the benchmark)
  --help       this text

NULLSPACE_IMAGE_DIR names the guest image to use; other NULLSPACE_ variables reach the daemon.
Ends with 0 when every bar was held, with 1 when one was missed.
`

interface Wanted {
  readonly rounds: number
  readonly quick: boolean
  readonly name: string
}

const BENCHMARKS = {
  create: ({ rounds, quick, name }: Wanted, say: (line: string) => void) =>
    benchCreate({ rounds, name, ...(quick ? { coldBoots: 2, execs: 60, crowds: 1 } : { coldBoots: rounds, execs: 300, crowds: 3 }) }, say),
  lifecycle: ({ rounds, quick, name }: Wanted, say: (line: string) => void) =>
    benchLifecycle({ rounds, name, ...(quick ? QUICK_LIFECYCLE : FULL_LIFECYCLE) }, say),
  inside: ({ rounds, quick, name }: Wanted, say: (line: string) => void) =>
    benchInside({ rounds, name, ...(quick ? QUICK_INSIDE : FULL_INSIDE) }, say),
}

const QUICK_LIFECYCLE = { crowdRounds: 1, crowds: [{ count: 16, every: 1 }], footprintRounds: 1, parked: 10, answerRounds: 1 }
const FULL_LIFECYCLE = {
  crowdRounds: 5,
  crowds: [
    { count: 16, every: 1 },
    { count: 32, every: 2 },
    { count: 64, every: 4 },
  ],
  footprintRounds: 3,
  parked: 50,
  answerRounds: 5,
}

const QUICK_INSIDE = { crowdRounds: 1, fileRounds: 1, smallFiles: 200, streamRounds: 1, streamMib: 128 }
const FULL_INSIDE = { crowdRounds: 10, fileRounds: 3, smallFiles: 1000, streamRounds: 3, streamMib: 1024 }

async function main(args: readonly string[]): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        name: { type: 'string' },
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
  const [benchmark = ''] = positionals
  const run = Object.hasOwn(BENCHMARKS, benchmark) ? BENCHMARKS[benchmark as keyof typeof BENCHMARKS] : null
  if (positionals.length !== 1 || run === null) return refuse(`name the benchmark: ${Object.keys(BENCHMARKS).join(', ')}`)
  const rounds = Number(values.rounds ?? (values.quick ? 5 : 30))
  if (!Number.isInteger(rounds) || rounds < 1) return refuse(`--rounds must be a whole number from 1, not "${values.rounds}"`)
  const name = values.name ?? benchmark
  if (!/^[\w.-]+$/.test(name)) return refuse('--name may hold letters, digits, dot, dash and underscore')
  if (process.getuid?.() !== 0) return refuse('machines with a network, and podman as measured here, need root')
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  try {
    return (await run({ rounds, quick: values.quick, name }, say)) ? 0 : 1
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
