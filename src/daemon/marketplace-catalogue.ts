import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fetchText } from '../disk/catalog.ts'
import { Ec2Error, unsupportedOperation } from '../ec2/errors.ts'
import type { Marketplace, Product } from '../ec2/marketplace/marketplace.ts'
import { marketplaceFileSchema, productsOf, remoteMarketplaceFileSchema } from '../ec2/marketplace/marketplace-file.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { StatePaths } from '../host/state-paths.ts'
import { ConfigurationError, parseYamlFile } from './yaml-file.ts'

const maximumLicenceBytes = 256 * 1024
const downloadTimeoutMs = 60_000

/**
 * The marketplace of this host: marketplace.yaml in the state directory, and under it what was downloaded from `url`, whose products of the
 * same name or code give way. Throws ConfigurationError naming file, line, column and key of every mistake.
 */
export function loadMarketplace(paths: StatePaths, url: string): Marketplace {
  const own = readOwn(paths.marketplaceFile)
  let products = merge(own, url === '' ? [] : readDownloaded(paths.marketplaceDownload))

  return {
    list: () => products,
    find: (name) => products.find((product) => product.name === name),
    findByCode: (productCode) => products.find((product) => product.productCode === productCode),
    update: async (signal) => {
      if (url === '') throw unsupportedOperation('The configuration names no marketplace: set marketplace.url.')
      const timeout = AbortSignal.any([signal, AbortSignal.timeout(downloadTimeoutMs)])
      const text = await download(url, timeout)
      const downloaded = parseRemote(text, url)
      await writeFileAtomic(paths.marketplaceDownload, text)
      products = merge(own, downloaded)
    },
  }
}

async function download(url: string, signal: AbortSignal): Promise<string> {
  try {
    return await fetchText('marketplace catalogue', url, signal)
  } catch (error) {
    if (error instanceof Ec2Error) throw error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new Ec2Error('DownloadFailed', `The marketplace catalogue ${url} could not be downloaded: ${cause}`)
  }
}

function readOwn(path: string): Product[] {
  if (!existsSync(path)) return []
  const file = parseYamlFile(readFileSync(path, 'utf8'), path, marketplaceFileSchema)
  return productsOf(file, (name) => readLicence(join(dirname(path), name)))
}

function readLicence(path: string): string {
  try {
    if (statSync(path).size > maximumLicenceBytes) throw new Error(`it has more than ${maximumLicenceBytes} bytes`)
    const text = readFileSync(path, 'utf8').trim()
    if (text === '') throw new Error('it is empty')
    return text
  } catch (error) {
    throw new ConfigurationError(`${path}: the licence cannot be used: ${error instanceof Error ? error.message : ''}`)
  }
}

/** A download was checked when it came; one that an older Kiln has left may not fit any more, and then it is as if there were none. */
function readDownloaded(path: string): Product[] {
  if (!existsSync(path)) return []
  try {
    return parseRemote(readFileSync(path, 'utf8'), path)
  } catch (error) {
    if (error instanceof Ec2Error) return []
    throw error
  }
}

function parseRemote(text: string, place: string): Product[] {
  try {
    return productsOf(parseYamlFile(text, place, remoteMarketplaceFileSchema), () => '')
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Ec2Error('InvalidMarketplaceCatalogue', error.message)
    throw error
  }
}

function merge(own: readonly Product[], others: readonly Product[]): Product[] {
  const isTaken = ({ name, productCode }: Product) =>
    own.some((product) => product.name === name || product.productCode === productCode)
  return [...own, ...others.filter((product) => !isTaken(product))]
}
