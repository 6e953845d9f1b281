// Commands as values -> a commander program. Commander parses and writes help; it never prints by itself and never exits.

import { Argument, Command as Commander, Option } from 'commander'
import type { Command } from './command.ts'
import type { Output } from './io.ts'
import type { ArgumentSpec, OptionSpec, Specs } from './options.ts'

/** Standing for everything the user gave to one command. */
export interface Chosen {
  readonly command: Command
  readonly values: Readonly<Record<string, unknown>>
  readonly json: boolean
  readonly verbose: boolean
}

export interface ProgramOptions {
  readonly commands: readonly Command[]
  /** Summary per noun, by its words: `machine`, `machine timeout`. */
  readonly groups: Readonly<Record<string, string>>
  readonly version: string
  readonly stdout: Output
  readonly stderr: Output
  readonly choose: (chosen: Chosen) => void
}

export function buildProgram({ commands, groups, version, stdout, stderr, choose }: ProgramOptions): Commander {
  const root = new Commander('nullspace')
    .description('Real VMs for AI agents, on your own host.')
    .version(version, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Show this help.')
    .helpCommand('help [command]', 'Show help of a command.')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Errors are reported by app.ts, like all others.
      outputError: () => {},
      getOutHelpWidth: () => 110,
      getErrHelpWidth: () => 110,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  const nouns = new Map<string, Commander>()
  for (const command of commands) {
    const words = command.path.split(' ')
    const verb = words.pop() ?? ''
    addCommand(nounOf(words), verb, command, choose)
  }
  return root

  /** The command that `words` stand for, made with those before it when it is new. */
  function nounOf(words: readonly string[]): Commander {
    const last = words.at(-1)
    if (last === undefined) return root
    const path = words.join(' ')
    let noun = nouns.get(path)
    if (noun === undefined) {
      noun = nounOf(words.slice(0, -1))
        .command(last)
        .description(groups[path] ?? '')
        .enablePositionalOptions()
      nouns.set(path, noun)
    }
    return noun
  }
}

function addCommand(parent: Commander, verb: string, command: Command, choose: (chosen: Chosen) => void): void {
  const made = parent.command(verb).description(command.summary).allowUnknownOption(command.passThrough)
  for (const spec of Object.values(command.args)) {
    if (isArgument(spec)) made.addArgument(new Argument(spec.syntax, spec.about))
  }
  const attributes = new Map<string, string>()
  for (const [name, spec] of Object.entries(command.options)) {
    if (!isArgument(spec)) attributes.set(name, addOption(made, spec))
  }
  made.option('--json', 'Print the result, or the error, as JSON.').option('--verbose', 'Show request ids and stack traces of errors.')
  made.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`)
  made.action(() => {
    const options = made.opts()
    choose({
      command,
      values: valuesOf(command.args, attributes, made),
      json: options['json'] === true,
      verbose: options['verbose'] === true,
    })
  })
}

/** Adds it in all its spellings; answers where commander keeps the value. */
function addOption(made: Commander, spec: OptionSpec<unknown>): string {
  const option = new Option(spec.flags, spec.about)
  if (spec.choices) option.choices(spec.choices)
  const { parse } = spec
  if (parse) option.argParser((text: string, earlier: unknown) => parse(text, earlier))
  made.addOption(option)
  if (spec.negated !== undefined) made.addOption(new Option(spec.negated, 'The opposite.'))
  return option.attributeName()
}

function valuesOf(args: Specs, attributes: ReadonlyMap<string, string>, made: Commander): Record<string, unknown> {
  const options = made.opts()
  const given = Object.keys(args).map((name, index) => [name, made.processedArgs[index]] as const)
  return Object.fromEntries([...given, ...Array.from(attributes, ([name, attribute]) => [name, options[attribute]] as const)])
}

function isArgument(spec: OptionSpec<unknown> | ArgumentSpec<unknown>): spec is ArgumentSpec<unknown> {
  return 'syntax' in spec
}
