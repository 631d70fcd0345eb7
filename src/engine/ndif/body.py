import json
import nnsight
import torch
ask = json.loads(asked)
at, k, cap, scale = (ask['positions'], ask['top_k'], ask['cap'], ask['scale'])
rows = []
for (block, attn, mlp), points in zip(blocks, ask['points']):
    width = ask['hidden']
    before = after = added = None
    if 'embed' in points or 'resid_mid' in points:
        before = block.input.reshape(-1, width)[at]
    if 'embed' in points:
        rows.append(before)
    if 'attn_out' in points or 'resid_mid' in points:
        added = attn.output
        added = added[0] if isinstance(added, tuple) else added
        added = added.reshape(-1, width)[at]
    if 'attn_out' in points:
        rows.append(added)
    if 'resid_mid' in points:
        rows.append(before + added.to(before.device))
    if 'mlp_out' in points:
        added = mlp.output
        added = added[0] if isinstance(added, tuple) else added
        rows.append(added.reshape(-1, width)[at])
    if 'resid_post' in points:
        after = block.output
        after = after[0] if isinstance(after, tuple) else after
        rows.append(after.reshape(-1, width)[at])
out = {'mark': ask['mark'], 'dtype': str(rows[-1].dtype), 'rows': [], 'followed': []}
names = ['ids', 'logits', 'log_sum_exp', 'entropy', 'forward_kl', 'reverse_kl', 'next', 'js', 'tv']
for row in rows:
    out['rows'].append({name: [] for name in names})
shown = len(rows) if ask['shows_last'] else len(rows) - 1
for start in range(0, len(at), ask['together']):
    part = slice(start, start + ask['together'])
    following = ask['next'][part]
    tops = [set() for _ in following]
    for nth, row in enumerate([rows[-1]] + rows):
        numbers = out['rows'][nth - 1]
        z = head(norm(row[part])).to(rows[-1].device).float() * scale
        z = z if cap is None else cap * torch.tanh(z / cap)
        z = z.double()
        total = torch.logsumexp(z, -1)
        lp = z - total[:, None]
        p = lp.exp()
        if nth == 0:
            output = z
            lq, q = (lp, p)
            out['vocabulary'] = z.shape[-1]
            continue
        top = torch.topk(z, k)
        ids = top.indices
        tied = z == top.values[:, -1:]
        above = z > top.values[:, -1:]
        kept = above | (tied & (tied.cumsum(-1) <= k - above.sum(-1, keepdim=True)))
        if bool((kept.sum(-1) == k).all()):
            ids = kept.nonzero()[:, 1].reshape(-1, k)
            order = z.gather(-1, ids).sort(dim=-1, descending=True, stable=True).indices
            ids = ids.gather(-1, order)
        numbers['ids'] += ids.tolist()
        numbers['logits'] += z.gather(-1, ids).tolist()
        numbers['log_sum_exp'] += total.tolist()
        numbers['entropy'] += (-(p * lp).sum(-1)).tolist()
        numbers['forward_kl'] += (q * (lq - lp)).sum(-1).tolist()
        numbers['reverse_kl'] += (p * (lp - lq)).sum(-1).tolist()
        numbers['next'] += [None if token is None else z[i, token].item() for i, token in enumerate(following)]
        if ask['distances']:
            m = (p + q) / 2
            js = torch.xlogy(p, p) - torch.xlogy(p, m) + torch.xlogy(q, q) - torch.xlogy(q, m)
            numbers['js'] += (js.sum(-1) / 2).tolist()
            numbers['tv'] += ((p - q).abs().sum(-1) / 2).tolist()
        if nth <= shown:
            for i, followed in enumerate(ids[:, :ask['follow']].tolist()):
                tops[i].update(followed)
    if ask['answer']:
        for i, token in enumerate(ids[:, 0].tolist()):
            tops[i].add(token)
    if ask['follow_next']:
        for i, token in enumerate(following):
            tops[i].update([] if token is None else [token])
    followed = [sorted(ids.union(ask['targets'])) for ids in tops]
    parts = [{'ids': ids, 'logits': [], 'ranks': []} for ids in followed]
    out['followed'] += parts
    if not any(followed):
        continue
    for row in rows[:shown]:
        z = head(norm(row[part])).to(rows[-1].device).float() * scale
        z = z if cap is None else cap * torch.tanh(z / cap)
        for i, numbers in enumerate(parts):
            values = z[i, torch.tensor(numbers['ids'], device=z.device, dtype=torch.long)]
            numbers['logits'].append(values.tolist())
            numbers['ranks'].append([1 + int((z[i] > value).sum()) for value in values])
lens = nnsight.save(json.dumps(out))
