/**
 * Published test vectors of the three handshakes, as of cacophony (https://github.com/haskell-cryptography/cacophony, vectors/cacophony.txt), which
 * other implementations of Noise use as well. All of them share keys, prologue and payloads. In hexadecimal.
 */
export const KEYS = {
  prologue: "4a6f686e2047616c74",
  psk: "54686973206973206d7920417573747269616e20706572737065637469766521",
  initiator: "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
  initiatorEphemeral: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
  responder: "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
  responderEphemeral: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
  responderPublic: "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62",
} as const;

/** By turns from the initiator and the responder; the first two are the handshake's. */
export const PAYLOADS = [
  "4c756477696720766f6e204d69736573",
  "4d757272617920526f746862617264",
  "462e20412e20486179656b",
  "4361726c204d656e676572",
  "4a65616e2d426170746973746520536179",
  "457567656e2042f6686d20766f6e2042617765726b",
] as const;

/** `sealed`: what travels, message by message. */
export const VECTORS = [
  {
    pattern: "NNpsk0",
    hash: "9f3b1f9afd7767767b5b9d1069844a6154fdbdcc36dfb3e31c0fffc5c973d530",
    sealed: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788d30df2d59501d6066f5f8aecc3406bbd9829f2d24a531b1",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e1ae7a362fb05bf0ad668e026bf5714554497b3a720461",
      "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6",
      "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0",
      "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd",
      "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9",
    ],
  },
  {
    pattern: "IK",
    hash: "669c8640d9e42a3cda2f232f78597ceefb01daa6e3df81181ccce6fc6b5026bf",
    sealed: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444e417bc55c7a8166c993356c1be41ef67818a292426f301556c7f26b21d25ddb097153891a9a956cff47b83e63ad8d701c1342c209cff1ca5ecd43402762ac249e3bd3a4c0a145fe07cb5dae28ea13a3",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843af2ccf9972e22afc67aeafcd25162f7f98c363b7762e3e4cb7d272e39f27a5",
      "66acfc92e3197de166809e6d4d5d003dcc819a84bc3522ca53c9d9",
      "71f89aa6533a6de70b0826864dd75f60806ee40170c16290189eb3",
      "4795a3423550c8bf00386bd496a3e2c76c10669d2a75ab8f79b5094c5412a25705",
      "aa0bb39097555c918e40be82abc2b909eb79d9eb87adb07e268fc37323a6cf904fd01fb391",
    ],
  },
  {
    pattern: "IKpsk1",
    hash: "60b2cc6a78e5c5170469bf6be88f6f083363113fe4216b791f04c79659884185",
    sealed: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944cf5aec5a69cc937598c005d3f36940abe166f1eab777e15d8958d533d2d5eca2967c66cfc0788d6197989cac53ecb8e9cb04a2ff8bdf3a9d2bf1897b492c84639583c5486e0205e4012ac81400e569cb",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843746e1ca9059ed09501f41b1c01dd32378315c2d754bdc29ced08b435f05259",
      "232fe1ce5018b3cd1e732e72894d61fc242473f6919344e30e569a",
      "419f5c6e5b039e67e125bcd7fb1cfbb79720ef97e8a3cb2c5a660a",
      "086a04808638c811bb91733c7c6df2a475df82dba1ed7af5251cf4e6e13ccf4376",
      "654b5ee2e3d367a1c1dfc242f53471f3e74e108562e66b0ed5d71327f02d08b17b5eb5fa6d",
    ],
  },
] as const;
