// Runs named steps one after the other and shows where they are, in plain lines that read well in a terminal and in a CI log.
import { indent, seconds, table } from '../lib/text.ts'

export interface Step {
  readonly name: string
  /** Does the work unless it is done already; resolves to what to say about it, e.g. "all 12 are installed". */
  readonly run: (say: (line: string) => void) => Promise<string>
}

export interface StepTime {
  readonly name: string
  readonly ms: number
  readonly said: string
}

export class StepFailed extends Error {
  override readonly name = 'StepFailed'
  readonly step: string
  readonly times: readonly StepTime[]
  constructor(step: string, times: readonly StepTime[], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.step = step
    this.times = times
  }
}

export interface StepOutput {
  readonly write: (text: string) => void
  /** How long a step may be silent before a line says that it is still at work. */
  readonly heartbeatMs?: number
}

export async function runSteps(steps: readonly Step[], output: StepOutput): Promise<readonly StepTime[]> {
  const times: StepTime[] = []
  for (const [index, step] of steps.entries()) {
    const started = performance.now()
    const progress = new Progress(`[${index + 1}/${steps.length}] ${step.name}`, output)
    try {
      const said = await step.run((line) => progress.say(line))
      progress.end(said)
      times.push({ name: step.name, ms: performance.now() - started, said })
    } catch (cause) {
      progress.end('FAILED')
      throw new StepFailed(step.name, times, cause)
    }
  }
  return times
}

export function timesTable(times: readonly StepTime[]): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0)
  return table([...times.map(({ name, ms, said }) => [name, seconds(ms), said]), ['total', seconds(total), '']])
}

/** A step that is done at once takes one line; one that takes longer gets a title, its progress and a closing line. */
class Progress {
  readonly #title: string
  readonly #output: StepOutput
  readonly #started = performance.now()
  readonly #titleTimer: NodeJS.Timeout
  #heartbeat: NodeJS.Timeout | undefined
  #titled = false
  #last = ''

  constructor(title: string, output: StepOutput) {
    this.#title = title
    this.#output = output
    this.#titleTimer = setTimeout(() => this.#showTitle(), 400)
  }

  say(line: string): void {
    this.#showTitle()
    this.#last = line
    this.#output.write(`${indent(`${this.#elapsed().padStart(8)}  ${line}`)}\n`)
    this.#rearm()
  }

  end(said: string): void {
    clearTimeout(this.#titleTimer)
    clearTimeout(this.#heartbeat)
    this.#output.write(
      this.#titled ? `${indent(`${this.#elapsed().padStart(8)}  ${said}`)}\n` : `${this.#title}: ${said} (${this.#elapsed()})\n`,
    )
  }

  #showTitle(): void {
    if (this.#titled) return
    this.#titled = true
    this.#output.write(`${this.#title}\n`)
    this.#rearm()
  }

  #rearm(): void {
    clearTimeout(this.#heartbeat)
    this.#heartbeat = setTimeout(() => {
      this.#output.write(`${indent(`${this.#elapsed().padStart(8)}  still at it${this.#last ? `: ${this.#last}` : ''}`)}\n`)
      this.#rearm()
    }, this.#output.heartbeatMs ?? 20_000)
  }

  #elapsed(): string {
    return seconds(performance.now() - this.#started)
  }
}
