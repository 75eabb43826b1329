import { pino } from 'pino'
import { createImageBuilder } from '/work/main/src/disk/build/image-builder.ts'
import { createProcessHost } from '/work/main/src/host/process.ts'
const b = createImageBuilder({processes:createProcessHost(),log:pino(),recipesDirectory:'/work/main/images/recipes',cacheDirectory:process.argv[3]!})
console.log(await b.build('nano',process.argv[2]!,{signal:new AbortController().signal,onProgress:(p)=>console.log(JSON.stringify(p))}))
