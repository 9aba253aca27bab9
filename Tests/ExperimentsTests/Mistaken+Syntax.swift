/// Errors in the text of a spec.
extension Mistaken {
  /// Text that is not JSON.
  static let syntax: [Mistaken] = [
    Mistaken(
      "a comment",
      "{\n  // a comment\n  \"model\": \"demo_vit\"\n}",
      #"a.json:2:3: JSON has no comments; remove this one, or put it into "description""#),
    Mistaken(
      "a comma too many",
      "{\"model\": \"demo_vit\",\n \"methods\": [{\"method\": \"none\"}],\n}",
      #"a.json:2:33: nothing follows this comma; remove it"#),
    Mistaken(
      "a key twice",
      #"{"model": "demo_vit", "model": "demo_vit"}"#,
      #"a.json:1:23: the key "model" appears twice; keep one"#),
    Mistaken(
      "text without quotes",
      #"{"model": demo_vit}"#,
      #"a.json:1:11: a value is expected, not 'd'; text needs double quotes around it"#),
    Mistaken(
      "a key in single quotes",
      #"{'model': "demo_vit"}"#,
      "a.json:1:2: JSON has no single quotes; write double quotes"),
    Mistaken(
      "text in single quotes",
      #"{"model": 'demo_vit'}"#,
      "a.json:1:11: JSON has no single quotes; write double quotes"),
    Mistaken(
      "Python's NaN",
      #"{"seed": NaN}"#,
      #"a.json:1:10: JSON has no NaN; write a number"#),
    Mistaken(
      "Python's infinity",
      #"{"seed": Infinity}"#,
      #"a.json:1:10: JSON has no Infinity; write a number"#),
    Mistaken(
      "Python's minus infinity",
      #"{"seed": -Infinity}"#,
      #"a.json:1:10: JSON has no -Infinity; write a number"#),
    Mistaken(
      "Python's True",
      #"{"accuracy": True}"#,
      #"a.json:1:14: JSON has no True; write true"#),
    Mistaken(
      "Python's False",
      #"{"accuracy": False}"#,
      #"a.json:1:14: JSON has no False; write false"#),
    Mistaken(
      "Python's None",
      #"{"seed": None}"#,
      #"a.json:1:10: JSON has no None; leave the key out"#),
    Mistaken(
      "a number with a plus",
      #"{"seed": +5}"#,
      #"a.json:1:10: a number begins with a digit or '-', not with '+'"#),
    Mistaken(
      "a list instead of an object",
      #"[]"#,
      #"a.json: a spec is an object in braces, such as {"model": "demo_vit", …}"#),
    Mistaken(
      "a missing brace",
      #"{"model": "demo_vit""#,
      #"a.json:1:21: ',' or '}' is expected, not the end of the file"#),
    Mistaken(
      "an empty file",
      #""#,
      #"a.json: the file is empty; a spec is an object in braces, such as {"model": "demo_vit", …}"#
    ),
    Mistaken(
      "a number beyond all numbers",
      #"{"seed": 1e999}"#,
      #"a.json:1:10: '1e999' is larger than any number that the program holds"#),
    Mistaken(
      "a control character",
      "{\"model\": \"demo\u{1B}[31m\"}",
      #"a.json:1:16: text cannot hold a control character (U+001B); remove it"#),
    Mistaken(
      "something after the end",
      #"{} {}"#,
      #"a.json:1:4: '{' follows the end of the value; remove it"#),
    Mistaken(
      "a number with a leading zero",
      #"{"seed": 01}"#,
      #"a.json:1:10: '01' is not a number"#),
  ]
}
