// A command is data and a handler: its words, what it takes, examples, what it does, how the result is shown.

import type { Client } from '@nullspace/sdk'
import type { Io } from './io.ts'
import type { Specs, ValuesOf } from './options.ts'

export interface Context<Args> {
  /** With key and URL from the environment and the config files; made when first used. */
  readonly client: Client
  readonly args: Args
  readonly io: Io
  /** Whether the result will be printed as JSON. */
  readonly json: boolean
  /** A line on stderr: progress, hints; never part of the result. */
  note(line: string): void
}

export interface CommandSpec<A extends Specs, O extends Specs, Value> {
  /** Words after `nullspace`, e.g. `machine create`. */
  readonly path: string
  readonly summary: string
  readonly args?: A
  readonly options?: O
  /** Whole command lines. */
  readonly examples: readonly string[]
  /** Options that this command does not know belong to the command line it runs. */
  readonly passThrough?: boolean
  /** Its value is what `--json` prints; undefined prints nothing. */
  readonly run: (context: Context<ValuesOf<A & O>>) => Promise<Value>
  /** What of the value `--json` prints; default: all, as it is. Undefined prints nothing. */
  readonly toJson?: (value: Value) => unknown
  /** Shows the value to a person. */
  readonly render?: (value: Value, context: Context<ValuesOf<A & O>>) => void
  /** Default 0. */
  readonly exitCode?: (value: Value) => number
}

/** A command without its types, as the registry holds it. */
export interface Command {
  readonly path: string
  readonly summary: string
  readonly args: Specs
  readonly options: Specs
  readonly examples: readonly string[]
  readonly passThrough: boolean
  /** Runs it, prints the result, answers the exit code. */
  execute(context: Context<unknown>): Promise<number>
}

type NoSpecs = Readonly<Record<never, never>>

export function defineCommand<A extends Specs = NoSpecs, O extends Specs = NoSpecs, Value = unknown>(
  spec: CommandSpec<A, O, Value>,
): Command {
  return {
    path: spec.path,
    summary: spec.summary,
    args: spec.args ?? {},
    options: spec.options ?? {},
    examples: spec.examples,
    passThrough: spec.passThrough ?? false,
    async execute(untyped) {
      // Sound: the program collects values by these very specs.
      const context = untyped as Context<ValuesOf<A & O>>
      const value = await spec.run(context)
      if (!context.json) spec.render?.(value, context)
      else {
        const shown = spec.toJson ? spec.toJson(value) : value
        if (shown !== undefined) context.io.stdout.write(`${JSON.stringify(shown, null, 2)}\n`)
      }
      return spec.exitCode?.(value) ?? 0
    },
  }
}
