#!/usr/bin/env node
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `postern: needs Node 24 or newer, this is ${process.version}. In a checkout, "npm start" and "npx postern" bring their own.`,
  );
  process.exit(1);
}
const { main } = await import('../src/cli/main.ts');
await main(process.argv);
