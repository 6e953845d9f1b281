// What the boundary check wants to know of a TypeScript file: its imports, and where it reads the environment.
import { parseSync, Visitor } from 'oxc-parser'

export interface ImportFact {
  readonly specifier: string
  readonly line: number
  /** Erased at run time: `import type`, `export type … from`, `import('x').T`. */
  readonly typeOnly: boolean
}

export interface SourceFacts {
  readonly imports: readonly ImportFact[]
  readonly envReads: readonly number[]
}

export function sourceFacts(path: string, text: string): SourceFacts {
  const { program, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path} does not parse: ${errors[0].message}`)
  const imports: ImportFact[] = []
  const envReads: number[] = []
  const lineOf = lineFinder(text)
  const add = (source: { value: unknown; start: number } | null | undefined, typeOnly: boolean) => {
    if (source && typeof source.value === 'string') imports.push({ specifier: source.value, line: lineOf(source.start), typeOnly })
  }

  new Visitor({
    ImportDeclaration(node) {
      const named = node.specifiers
      const allTypes = named.length > 0 && named.every((one) => one.type === 'ImportSpecifier' && one.importKind === 'type')
      add(node.source, node.importKind === 'type' || allTypes)
      if (
        /^(node:)?process$/.test(node.source.value) &&
        named.some((one) => one.type === 'ImportSpecifier' && nameOf(one.imported) === 'env')
      ) {
        envReads.push(lineOf(node.start))
      }
    },
    ExportNamedDeclaration(node) {
      add(node.source, node.exportKind === 'type')
    },
    ExportAllDeclaration(node) {
      add(node.source, node.exportKind === 'type')
    },
    ImportExpression(node) {
      if (node.source.type === 'Literal') add(node.source, false)
    },
    TSImportType(node) {
      add(node.source, true)
    },
    MemberExpression(node) {
      if (node.object.type === 'Identifier' && node.object.name === 'process' && nameOf(node.property) === 'env')
        envReads.push(lineOf(node.start))
    },
    VariableDeclarator(node) {
      if (node.init?.type !== 'Identifier' || node.init.name !== 'process' || node.id.type !== 'ObjectPattern') return
      if (node.id.properties.some((one) => one.type === 'Property' && nameOf(one.key) === 'env')) envReads.push(lineOf(node.start))
    },
  }).visit(program)
  return { imports, envReads }
}

function nameOf(node: { type: string; name?: unknown; value?: unknown }): unknown {
  return node.type === 'Literal' ? node.value : node.name
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1
}
