"""Give each partner that was there before a short name, made from its name as a new partner's is."""

import re

from django.db import migrations
from django.utils.text import slugify


def fill(apps, editor):
    Partner = apps.get_model("directory", "Partner")
    taken = set()
    for partner in Partner.objects.order_by("created_at", "pk"):
        made = re.sub("-+", "-", slugify(partner.name)[:30].replace("_", "-").strip("-"))
        if len(made) < 2 or made in taken:
            made = f"{made}-{partner.pk.hex[:6]}".strip("-")
        taken.add(made)
        Partner.objects.filter(pk=partner.pk).update(slug=made)


class Migration(migrations.Migration):
    dependencies = [("directory", "0009_partners")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
