// Interleaving: in every round each contender has one turn, in an order that rotates, so that what else the machine does
// meets all of them alike.

export interface Contender {
  readonly name: string
  /** Takes a turn in every n-th round; for what is too slow to repeat as often. */
  readonly every: number
  /** Attempts in one turn (1): what is short is measured warm, as its users have it. */
  readonly inARow?: number
  /** One attempt; ms. */
  once(): Promise<number>
}

export interface Attempts {
  readonly times: (number | undefined)[]
  readonly errors: string[]
}

/** The contenders of a round in their order. */
export function turns<T extends { readonly every: number }>(contenders: readonly T[], round: number): T[] {
  const first = round % contenders.length
  return [...contenders.slice(first), ...contenders.slice(0, first)].filter(({ every }) => round % every === 0)
}

export interface Course {
  readonly rounds: number
  /** Ends the course between two attempts. */
  readonly signal: AbortSignal
  readonly say?: (line: string) => void
}

export async function interleave(contenders: readonly Contender[], { rounds, signal, say }: Course): Promise<Map<string, Attempts>> {
  const results = new Map(contenders.map(({ name }) => [name, { times: [], errors: [] } as Attempts]))
  for (let round = 0; round < rounds; round++) {
    const line: string[] = []
    for (const contender of turns(contenders, round)) {
      const attempts = results.get(contender.name)! // made above
      for (let i = 0; i < (contender.inARow ?? 1); i++) {
        signal.throwIfAborted()
        line.push(`${contender.name} ${await attempt(contender, attempts)}`)
      }
    }
    say?.(`${round + 1}/${rounds}  ${line.join('   ')}`)
  }
  return results
}

/** How it went, in two words. */
async function attempt({ once }: Contender, { times, errors }: Attempts): Promise<string> {
  try {
    const ms = await once()
    times.push(ms)
    return `${ms.toFixed(0)} ms`
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    times.push(undefined)
    errors.push(why)
    return `FAILED: ${why}`
  }
}
