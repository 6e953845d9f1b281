// One run of the CLI: parse, run the command, print, answer the exit code. No process, no terminal: those are main.ts.

import { EXIT } from '@nullspace/contract/exit-codes.ts'
import { VERSION, type Client } from '@nullspace/sdk'
import { CommanderError } from 'commander'
import { COMMANDS, GROUPS } from '../commands.ts'
import { clientOf } from './client-of.ts'
import type { Context } from './command.ts'
import { reportFailure, usageError } from './failure.ts'
import { Interrupted, type Io } from './io.ts'
import { buildProgram, type Chosen } from './program.ts'

/** `argv` without the program's own name. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const own = argv.slice(0, argv.indexOf('--') < 0 ? argv.length : argv.indexOf('--'))
  const manner = { json: own.includes('--json'), verbose: own.includes('--verbose') }
  try {
    const chosen = parse(argv, io)
    return chosen === undefined ? EXIT.ok : await chosen.command.execute(contextOf(chosen, io))
  } catch (error) {
    if (error instanceof Shown) return error.exitCode
    if (error instanceof Interrupted) return error.exitCode
    return reportFailure(error, io, manner)
  }
}

/** Help was printed instead. */
class Shown extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('help')
    this.exitCode = exitCode
  }
}

function parse(argv: readonly string[], io: Io): Chosen | undefined {
  let chosen: Chosen | undefined
  const { stdout, stderr } = io
  const choose = (one: Chosen): void => {
    chosen = one
  }
  try {
    buildProgram({ commands: COMMANDS, groups: GROUPS, version: VERSION, stdout, stderr, choose }).parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) throw new Shown(EXIT.ok)
    // A noun without a verb: help went to stderr.
    if (error.code === 'commander.help') throw new Shown(EXIT.usage)
    const [message = '', hint] = error.message.replace(/^error: /, '').split('\n')
    throw usageError(message, hint?.replace(/^\((.*)\)$/, '$1') ?? 'Add --help to see what the command takes.')
  }
  return chosen
}

function contextOf({ values, json }: Chosen, io: Io): Context<unknown> {
  let client: Client | undefined
  return {
    get client() {
      client ??= clientOf(io)
      return client
    },
    args: values,
    io,
    json,
    note: (line) => io.stderr.write(`${line}\n`),
  }
}
