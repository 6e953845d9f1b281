import type { Context } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { text } from '../core/options.ts'

export const secretOption = text('--signing-secret <->', 'Only "-": read the secret from standard input (default: ask for it)')

const HINT = 'Use --signing-secret - and give the secret on standard input.'

/** From standard input, without the newline at its end; undefined when it is not mentioned. */
export async function givenSecret({ args, io }: Context<{ readonly secret: string | undefined }>): Promise<string | undefined> {
  if (args.secret === undefined) return undefined
  if (args.secret !== '-') throw usageError('a secret on the command line would show in the process list', HINT)
  return (await io.readInput()).replace(/\r?\n$/, '')
}

/** The same; asks when it is not mentioned. */
export async function neededSecret(context: Context<{ readonly secret: string | undefined }>): Promise<string> {
  const given = await givenSecret(context)
  if (given !== undefined) return given
  if (!context.io.canAsk) throw usageError('there is nobody to ask for the signing secret', HINT)
  return context.io.ask('Signing secret: ', { secret: true })
}
