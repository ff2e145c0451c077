from django.db import migrations
from django.utils import timezone


def look_again(apps, schema_editor):
    """Documents that were written before are looked at from now on, put right, and cleaned."""
    documents = apps.get_model("access", "DenyDocument")
    documents.objects.filter(entries__gt=0, recheck_at=None).update(recheck_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [("access", "0002_time_box_and_kill_switch")]

    operations = [migrations.RunPython(look_again, migrations.RunPython.noop)]
