//! Inventories made of the constructs in Ansible's documentation: the intro to inventory, patterns
//! of ranges, variables and their precedence, aliases, vars folders, programs.

/// One inventory: its name, its files, and the sources that `-i` names.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    /// Path and text. A text that begins with `#!` may be run.
    pub(crate) files: &'static [(&'static str, &'static str)],
    pub(crate) sources: &'static [&'static str],
}

const fn example(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    sources: &'static [&'static str],
) -> Example {
    Example { name, files, sources }
}

pub(crate) const EXAMPLES: &[Example] = &[
    example(
        "basic ini",
        &[(
            "hosts",
            "mail.example.com\n\n[webservers]\nfoo.example.com\nbar.example.com\n\n[dbservers]\none.example.com\ntwo.example.com\nthree.example.com\n",
        )],
        &["hosts"],
    ),
    example(
        "basic yaml",
        &[(
            "hosts.yaml",
            "ungrouped:\n  hosts:\n    mail.example.com:\nwebservers:\n  hosts:\n    foo.example.com:\n    bar.example.com:\ndbservers:\n  hosts:\n    one.example.com:\n    two.example.com:\n    three.example.com:\n",
        )],
        &["hosts.yaml"],
    ),
    example(
        "hosts in several groups",
        &[(
            "hosts.yml",
            "ungrouped:\n  hosts:\n    mail.example.com:\nwebservers:\n  hosts:\n    foo.example.com:\n    bar.example.com:\ndbservers:\n  hosts:\n    one.example.com:\n    two.example.com:\n    three.example.com:\neast:\n  hosts:\n    foo.example.com:\n    one.example.com:\n    two.example.com:\nwest:\n  hosts:\n    bar.example.com:\n    three.example.com:\nprod:\n  hosts:\n    foo.example.com:\n    one.example.com:\n    two.example.com:\ntest:\n  hosts:\n    bar.example.com:\n    three.example.com:\n",
        )],
        &["hosts.yml"],
    ),
    example(
        "groups of groups",
        &[(
            "hosts.yml",
            "ungrouped:\n  hosts:\n    mail.example.com:\nwebservers:\n  hosts:\n    foo.example.com:\n    bar.example.com:\ndbservers:\n  hosts:\n    one.example.com:\n    two.example.com:\n    three.example.com:\neast:\n  hosts:\n    foo.example.com:\n    one.example.com:\n    two.example.com:\nwest:\n  hosts:\n    bar.example.com:\n    three.example.com:\nprod:\n  children:\n    east:\ntest:\n  children:\n    west:\n",
        )],
        &["hosts.yml"],
    ),
    example(
        "ranges",
        &[
            (
                "hosts",
                "[webservers]\nwww[01:50].example.com\n\n[steps]\nwww[01:50:2].example.com\nn[0:10:3]\n\n[databases]\ndb-[a:f].example.com\nr[1:2]-[x:z]\n[A:C]up\nm[y:B]\nopen[:3]\n[ports]\np[1:3]:2200\n10.0.[1:2].[3:4]\n",
            ),
            (
                "ranges.yml",
                "webservers:\n  hosts:\n    www[01:50].example.com:\n    deep[1:2][a:b].example.com: {x: 1}\n    p[7:8]:22:\n",
            ),
        ],
        &["hosts", "ranges.yml"],
    ),
    example(
        "host variables",
        &[(
            "hosts",
            "[atlanta]\nhost1 http_port=80 maxRequestsPerChild=808\nhost2 http_port=303 maxRequestsPerChild=909\nbadwolf.example.com:5309\n[v6]\n[2001:db8::1]:2222\n2001:db8::2 ansible_port=22\nfe80::1\n",
        )],
        &["hosts"],
    ),
    example(
        "aliases",
        &[
            ("hosts", "jumper ansible_port=5555 ansible_host=192.0.2.50\n"),
            (
                "hosts.yml",
                "hosts_of:\n  hosts:\n    jumper2:\n      ansible_port: 5555\n      ansible_host: 192.0.2.50\n    jumper:\n      extra: yes\n",
            ),
        ],
        &["hosts", "hosts.yml"],
    ),
    example(
        "group variables",
        &[(
            "hosts",
            "[atlanta]\nhost1\nhost2\n\n[atlanta:vars]\nntp_server=ntp.atlanta.example.com\nproxy=proxy.atlanta.example.com\n",
        )],
        &["hosts"],
    ),
    example(
        "inherited variables",
        &[(
            "hosts",
            "[atlanta]\nhost1\nhost2\n\n[raleigh]\nhost2\nhost3\n\n[southeast:children]\natlanta\nraleigh\n\n[southeast:vars]\nsome_server=foo.southeast.example.com\nhalon_system_timeout=30\nself_destruct_countdown=60\nescape_pods=2\n\n[usa:children]\nsoutheast\nnortheast\nsouthwest\nnorthwest\n[northeast]\n[southwest]\n[northwest]\n",
        )],
        &["hosts"],
    ),
    example(
        "inherited variables in yaml",
        &[(
            "hosts.yml",
            "usa:\n  children:\n    southeast:\n      children:\n        atlanta:\n          hosts:\n            host1:\n            host2:\n        raleigh:\n          hosts:\n            host2:\n            host3:\n      vars:\n        some_server: foo.southeast.example.com\n        halon_system_timeout: 30\n        self_destruct_countdown: 60\n        escape_pods: 2\n    northeast:\n    northwest:\n    southwest:\n",
        )],
        &["hosts.yml"],
    ),
    example(
        "vars folders",
        &[
            ("inv/hosts", "foosball\n[raleigh]\nfoosball\n[webservers]\nfoosball\nother\n"),
            (
                "inv/group_vars/raleigh",
                "---\nntp_server: acme.example.org\ndatabase_server: storage.example.org\n",
            ),
            (
                "inv/group_vars/webservers.yml",
                "database_server: web.example.org\nnested: {a: [1, {b: yes}]}\n",
            ),
            (
                "inv/group_vars/all.json",
                "{\"from_json\": [1, 2.5, null, \"x\"], \"database_server\": \"all\"}",
            ),
            ("inv/host_vars/foosball.yaml", "host_only: 1\n"),
            ("inv/group_vars/nobody.yml", "unused: 1\n"),
        ],
        &["inv/hosts"],
    ),
    example(
        "vars folders of one group",
        &[
            ("inv/hosts", "[raleigh]\na\n"),
            ("inv/group_vars/raleigh/db_settings", "one: 1\ntwo: 1\n"),
            ("inv/group_vars/raleigh/cluster_settings.yml", "two: 2\nthree: 2\n"),
            ("inv/group_vars/raleigh/deep/z.yml", "deep: 3\n"),
            ("inv/group_vars/raleigh/.hidden.yml", "hidden: 3\n"),
            ("inv/group_vars/raleigh/old.yml~", "backup: 3\n"),
            ("inv/group_vars/raleigh/notes.txt", "text: 3\n"),
            ("inv/group_vars/raleigh.yml", "shadowed: 1\n"),
            ("inv/host_vars/a/main.yml", "three: 4\n"),
        ],
        &["inv"],
    ),
    example(
        "precedence of levels",
        &[
            (
                "hosts",
                "[all:vars]\na=all\nb=all\nc=all\nd=all\ne=all\nf=all\n[parent:children]\nchild\n[parent:vars]\nb=parent\nc=parent\nd=parent\ne=parent\nf=parent\n[child]\nh f=host_line\n[child:vars]\nc=child\nd=child\ne=child\n",
            ),
            ("group_vars/all.yml", "a: all_file\nd: all_file\nz: all_file\n"),
            ("group_vars/parent.yml", "e: parent_file\nz: parent_file\n"),
            ("group_vars/child.yml", "y: child_file\n"),
            ("host_vars/h.yml", "y: host_file\nf: host_file\n"),
        ],
        &["hosts"],
    ),
    example(
        "precedence by name and priority",
        &[(
            "hosts.yml",
            "a_group:\n  vars:\n    testvar: a\n    ansible_group_priority: 10\n    only: a\n  hosts: {h1: }\nb_group:\n  hosts: {h1: }\n  vars:\n    testvar: b\n    only: b\n    more: b\nc_group:\n  vars: {more: c}\n  hosts: {h1: , h2: }\n",
        )],
        &["hosts.yml"],
    ),
    example(
        "depth wins over name",
        &[(
            "hosts",
            "[z]\nh\n[z:vars]\nx=z\n[a:children]\nb\n[b]\nh\n[b:vars]\nx=b\n[c:children]\nz\n[c:vars]\nansible_group_priority=50\nx=c\n",
        )],
        &["hosts"],
    ),
    example(
        "several sources",
        &[
            ("staging", "[web]\na x=1 y=1\n[web:vars]\ng=staging\n"),
            (
                "production",
                "[web]\na x=2\nb\n[web:vars]\ng=production\n[all:vars]\nwhere=production\n",
            ),
        ],
        &["staging", "production"],
    ),
    example(
        "sources with folders of their own",
        &[
            ("one/hosts", "[web]\na\n"),
            ("one/group_vars/web.yml", "v: one\nonly_one: 1\n"),
            ("two/hosts", "[web]\nb\n"),
            ("two/group_vars/web.yml", "v: two\n"),
            ("two/group_vars/all.yml", "v: two_all\nw: two_all\n"),
        ],
        &["one/hosts", "two"],
    ),
    example(
        "a folder of files",
        &[
            ("inventory/01-static.yml", "web:\n  hosts:\n    a: {x: 1}\n"),
            ("inventory/02-more", "[web]\na x=2\nb\n[groups_below:children]\nweb\n"),
            (
                "inventory/03-dynamic.py",
                "#!/bin/sh\necho '{\"web\": {\"hosts\": [\"c\"], \"vars\": {\"from\": \"program\"}}, \"_meta\": {\"hostvars\": {\"c\": {\"x\": {\"deep\": [1, null]}}}}}'\n",
            ),
            ("inventory/group_vars/all.yml", "every: where\n"),
            ("inventory/ansible.cfg", "[defaults]\n"),
            ("inventory/README.md", "not: [an inventory\n"),
            ("inventory/old.bak", "x: [\n"),
            ("inventory/deeper/hosts", "[deep]\nd\n"),
        ],
        &["inventory"],
    ),
    example(
        "a program",
        &[(
            "inv.py",
            "#!/bin/sh\ncat <<'JSON'\n{\"databases\": {\"hosts\": [\"host1.example.com\", \"host2.example.com\"], \"vars\": {\"a\": true}}, \"webservers\": {\"hosts\": [\"host2.example.com\", \"host3.example.com\"]}, \"atlanta\": {\"hosts\": [\"host1.example.com\"], \"vars\": {\"b\": false}, \"children\": [\"marietta\", \"5points\"]}, \"marietta\": {\"hosts\": [\"host6.example.com\"]}, \"5points\": {\"hosts\": [\"host7.example.com\"]}, \"_meta\": {\"hostvars\": {\"host1.example.com\": {\"asdf\": 1234}, \"nobody\": {\"x\": 1}}}}\nJSON\n",
        )],
        &["inv.py"],
    ),
    example(
        "an old program",
        &[(
            "inv.sh",
            "#!/bin/sh\nif [ \"$1\" = --host ]; then\n  if [ \"$2\" = a ]; then echo '{\"from\": \"host a\", \"ansible_host\": \"192.0.2.1\"}'; fi\n  exit 0\nfi\necho '{\"web\": [\"a\", \"b\"], \"solo\": {\"k\": \"v\"}, \"db\": {\"hosts\": [\"b\"], \"vars\": {\"port\": 5432}}}'\n",
        )],
        &["inv.sh"],
    ),
    example(
        "types in ini",
        &[(
            "hosts",
            "h int=5 neg=-5 float=1.5 yes=yes true=True false=False none=None oct=0640 hex=0x1f list=[1,2] tuple=1,2 dict=\"{'a': 1, 'b': [True, None]}\" text='a b' quoted=\"'x'\" empty= path=/a/b eq=a=b under=1_000 exp=1e3 date=2001-12-14 ver=1.2.3 ip=10.0.0.1 plus=+1 set=\"{1}\" raw=\"r'\\\\d'\" uni=\"'\\\\u00e4'\" hash=a#b\n[g]\nh\n[g:vars]\ng_int=5\ng_list=[1, 'two', [3.0]]\ng_dict={\"a\": {\"b\": 1}}\ng_text=plain text with blanks\ng_quoted=\"in quotes\"\ng_yes=yes\ng_true=True\ng_comment=5 # five\ng_comment_text=five # 5\ng_eq = a = b \ng_empty=\ng_single='it''s'\ng_backslash=C:\\new\ng_semicolon=a;b\ng_tuple=(1, 'x')\ng_str2=\"a\" \"b\"\ng_bytes=b'x'\ng_big=12345678901\ng_zero=00\ng_ell=...\ng_neg=- 5\ng_colon=a: b\ng_unclosed=[1, 2\ng_call=dict(a=1)\ng_sum=1+2\ng_octal=0o17\ng_underscore=_x\ng_float2=.5\ng_float3=5.\ng_tmpl={{ foo }}\n",
        )],
        &["hosts"],
    ),
    example(
        "types in yaml",
        &[(
            "h.yml",
            "g:\n  hosts:\n    h:\n      a: yes\n      b: 'yes'\n      c: 0640\n      d: 0o17\n      e: 1:30\n      f: 1e3\n      g: 1.5e+3\n      h: ~\n      i: [1, two, {three: 3.0}]\n      j: !!str 5\n      k: 1_000\n      l: 0x1F\n      m: off\n      n: |\n        two\n        lines\n      o: >-\n        folded\n        text\n      p: \"quoted \\u00e4\\n\"\n      q: -5\n      r: 089\n      s: 0b11\n      t: +12\n      u: y\n      v: .5\n      w: 12e03\n      x: {a: {b: {c: [d]}}}\n      y: 1.2.3\n      z: '{{ template }}'\n      n1: No\n      n2: NULL\n      n3: ''\n      n4: 10.0.0.1\n      n5: -0\n      n6: 1.0\n",
        )],
        &["h.yml"],
    ),
    example(
        // Of merged mappings with a key in common the first wins (yaml.org/type/merge.html); what
        // Ansible does there depends on the version of PyYAML below it, so none is here.
        "anchors and merge keys",
        &[(
            "h.yml",
            "g:\n  vars:\n    base: &base {user: u, port: 1}\n    more: &more {shell: s}\n    one: {<<: *base, port: 3}\n    two: {<<: [*base, *more], x: 1}\n    list: &list [1, 2]\n    again: *list\n  hosts:\n    a: &h {x: 1, y: 2}\n    b: *h\n    c:\n      <<: *h\n      y: 3\n",
        )],
        &["h.yml"],
    ),
    example(
        "ini oddities",
        &[(
            "hosts",
            "; a comment\n# another\n  indented.example.com   # comment behind\nplain x='a # b' y=c#d\n[web] # comment\nw1\n[web:hosts]\nw2\n[ungrouped]\nu1\n[all:vars]\nv = spaced \n[one-two.three]\nodd\n[all:children]\nweb\n[outer:children]\ninner # first\n[inner]\nw3:22\nw3:23 x=1\n[inner:vars]\nk=v # kept as text\n",
        )],
        &["hosts"],
    ),
    example(
        "yaml oddities",
        &[(
            "h.yml",
            "all:\n  hosts: single\n  children:\n    a: {hosts: {x: , y: {}}, vars: }\n    b:\n      children: a\n    c:\n      hosts:\n      children:\n  vars:\n    ansible_user: u\nlone:\n",
        )],
        &["h.yml"],
    ),
    example(
        "yaml with all on top",
        &[(
            "h.yml",
            "all:\n  hosts:\n    mail.example.com:\n  children:\n    webservers:\n      hosts:\n        foo.example.com:\n        bar.example.com:\n          http_port: 80\n    dbservers:\n      hosts:\n        one.example.com:\n        two.example.com:\n      vars:\n        ansible_user: db\n  vars:\n    ansible_ssh_common_args: '-o ProxyJump=bastion'\n",
        )],
        &["h.yml"],
    ),
    example(
        "json as yaml",
        &[(
            "h.json",
            "{\"all\": {\"children\": {\"web\": {\"hosts\": {\"a\": {\"x\": 1.5, \"y\": null}, \"b\": null}, \"vars\": {\"z\": [true]}}}}}",
        )],
        &["h.json"],
    ),
    example(
        "yaml without an ending",
        &[("inventory", "---\nall:\n  children:\n    web:\n      hosts:\n        a:\n")],
        &["inventory"],
    ),
    example(
        "behavioural parameters",
        &[(
            "hosts",
            "localhost ansible_connection=local\nother1.example.com ansible_connection=ssh ansible_user=myuser\nother2.example.com ansible_connection=ssh ansible_user=myotheruser\nsome_host ansible_port=2222 ansible_user=manager\naws_host ansible_ssh_private_key_file=/home/example/.ssh/aws.pem\nfreebsd_host ansible_python_interpreter=/usr/local/bin/python\nruby_module_host ansible_ruby_interpreter=/usr/bin/ruby.1.9.3\n",
        )],
        &["hosts"],
    ),
    example(
        "unsafe and vaulted values",
        &[(
            "h.yml",
            "g:\n  hosts:\n    h:\n      a: !unsafe 'x {{ y }}'\n      b: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        62313365396662343061393464336163383764373764613633653634306231386433626436623361\n",
        )],
        &["h.yml"],
    ),
    example(
        "variables of ungrouped hosts",
        &[
            ("hosts", "lone\n[web]\na\n"),
            ("group_vars/ungrouped.yml", "u: 1\n"),
            ("group_vars/web.yml", "w: '{{ x }}'\n"),
        ],
        &["hosts"],
    ),
];
